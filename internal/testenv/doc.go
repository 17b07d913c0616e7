// Package testenv gives tests real servers: RabbitMQ, PostgreSQL and Jaeger.
//
//	func TestSomething(t *testing.T) {
//		broker := testenv.RabbitMQ(t)    // a vhost of its own
//		database := testenv.PostgreSQL(t) // a database of its own
//		…
//	}
//
// The servers are started at first use and shared by the tests of a process,
// each of which gets a fresh vhost or database. make test starts them once for
// all packages (by cmd/withservers) and names them in the environment:
//
//   - LABAN_TEST_AMQP_URL, and LABAN_TEST_RABBITMQ_MANAGEMENT_URL (by default
//     port 15672 of the same host), with a user that may create vhosts
//   - LABAN_TEST_POSTGRES_URL, with a user that may create databases
//   - LABAN_TEST_JAEGER_QUERY_URL, LABAN_TEST_JAEGER_OTLP_URL, and
//     LABAN_TEST_JAEGER_OTLP_GRPC_URL (by default port 4317 of the same host)
//
// The same variables name servers that run elsewhere.
//
// # What it promises
//
//   - With -short, a test that asks for a server is skipped. Otherwise, where
//     there is no server, the test fails and says what to install; it is
//     never skipped.
//   - What a test creates is removed when it ends, and no server outlives the
//     process, however it ends. No TestMain is needed. See package server.
//   - No goroutine is left behind, except by [Broker.Channel], so goleak can
//     be used beside it.
package testenv
