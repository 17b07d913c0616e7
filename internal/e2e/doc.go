// Package e2e tests the whole order system on real servers: RabbitMQ, Jaeger
// and PostgreSQL. It has no code but tests.
package e2e
