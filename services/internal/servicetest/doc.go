// Package servicetest puts one service of the order system on a bench: its real
// handlers, bus, outbox and database, with the test in the place of the broker.
// The test hands over deliveries one by one, in any order, as often as it likes
// and from several goroutines, and sees what each came to and what the service
// published. [Faults] put failures between the service and its commits, and the
// outside.
//
// It is for tests of the services only.
package servicetest
