// Package stack runs the whole system on this machine without containers:
// RabbitMQ, PostgreSQL, Jaeger, Prometheus, Alertmanager, a mail catcher, the
// five services, the observer, a gentle load, and Grafana where its program is
// found.
//
// It reads the configuration files of deploy/compose and dashboards. In them the
// addresses are the containers'; a copy in the run folder has this machine's
// instead, and that is the only difference.
//
// # What it promises
//
//   - All is in one folder: configuration, data, logs, and state.json, which says
//     what runs.
//   - Nothing listens beyond loopback.
//   - Only processes that it started are ended: each is known by its id and the
//     moment it began, since ids are used again.
//   - A part starts when those that it needs are ready.
//
// # What it does not do
//
// It watches over nothing: a part that ends stays ended until it is started
// again. It runs on Linux, where packages for all parts are.
package stack
