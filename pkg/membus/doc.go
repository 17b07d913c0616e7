// Package membus is a message broker within one process: the same semantics as
// package amqpbus has on RabbitMQ, without a server.
//
//	broker := membus.New(membus.Config{})
//	defer broker.Close()
//	b, err := bus.New(bus.Config{Service: "payment"}, broker.Connect())
//
// It is for the demo, for tests, and for a program whose services all live in
// one process.
//
// # What it promises
//
// Everything that the suite in package bustest asks of a transport: one queue a
// service, competing consumers, order per key, retries by levels, parking,
// events that nobody asked for kept where a person finds them, and the log with
// its copies of retried and parked messages. What passes here passes on
// RabbitMQ: an event is held to the same rules, and loses the same things on
// its way. Publisher and receivers share no memory.
//
// Everything in it has a bound. A publisher waits while a queue is full, and
// its wait has an end. All of it works in a bubble of testing/synctest.
//
// # What it does not do
//
// It stores nothing: what it holds ends with the process. And it is no network:
// connections fail only when [Broker.CutConnections] says so.
package membus
