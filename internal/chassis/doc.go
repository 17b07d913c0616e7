// Package chassis is what every service process of the order system needs and
// no service wants to write: configuration from the environment, telemetry,
// a database with its migrations, the bus and its outbox, an HTTP server with
// /healthz, /readyz and /metrics, and a shutdown in the right order. (The
// pattern is known as the microservice chassis.)
//
// A service is a [Spec]: its name, what it emits, its migrations, and a Build
// function that registers handlers on the parts it is given. The same Spec runs
// as a process of its own ([Main], configured by the environment, on RabbitMQ)
// and as one of many in a process ([Run], on whatever transport it is given).
//
// # What it promises
//
//   - A process whose broker or database is down waits for it and says so: in
//     its log, and in /readyz. /healthz answers from the first moment.
//   - Shutdown loses nothing: not ready, then HTTP stops, then consuming stops
//     and running handlers finish, then the outbox is drained as far as the
//     broker takes it, then confirms are waited for, then telemetry is flushed,
//     and last the database is closed. What the outbox could not publish in
//     time is published at the next start.
//   - No password of a configured URL is logged.
//
// # What it does not do
//
// It is not a framework for other people's services: package bus needs none of
// it. It does not supervise: a service that can't ever work ends with an error,
// and whatever started the process decides what then.
package chassis
