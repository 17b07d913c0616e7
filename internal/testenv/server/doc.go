// Package server starts RabbitMQ, PostgreSQL and Jaeger for tests: private
// nodes on free loopback ports, each with a data folder of its own.
//
// A server is taken from where its package installs it, from PATH, or, if it is
// not installed and a Docker engine answers, from its image. Where neither is
// there, the error says what to install ([MissingError]). LABAN_RABBITMQ_DIR (a
// folder with rabbitmq-server, rabbitmqctl and, if need be, epmd) and
// LABAN_JAEGER_BIN (a program) name others than the installed ones.
//
// # What it promises
//
//   - Nothing listens beyond loopback, and nothing of the machine's own servers
//     is touched: no configuration, data, port, or Erlang port mapper is shared.
//   - Passwords are random, so that no other user of the machine gets in.
//   - Nothing is left behind. Each server is on a leash: when the process that
//     started it is gone, for whatever reason, the server is ended and its
//     folder removed, see [leash].
//   - No goroutine outlives a call, so tests may look for leaks while a
//     server runs.
//
// # What it does not do
//
// It offers no durability: PostgreSQL runs without fsync. It is for tests only.
package server
