// Package outbox makes a service's effects happen once: a transactional outbox
// and inbox in the service's own database.
package outbox
