// Package source is where an observer reads its log from and writes its own
// records to: a stream of RabbitMQ ([Open]) or a log in memory ([Memory]).
//
// # What it promises
//
//   - Items come in the order of their offsets, over as many sessions as it
//     takes. At the begin of each session the last item is read again and
//     compared, so that a log that lost records or was made anew is an item of
//     kind [Gap], and never read on as if nothing had happened.
//   - A message that can't be read is an item of kind [Malformed].
//   - One observer at a time leads ([Log.Lead]): the broker keeps an exclusive
//     queue for it, which goes with its connection.
//   - It changes nothing that it observes. It declares the log and a stream for
//     lost messages, and binds tapped exchanges to the log; it consumes from no
//     queue of any service.
//
// # Lost messages
//
// Copies to be retried or parked that found no queue are in the queue
// events.lost, where people look at them. The exchange of that name is a fanout,
// so a stream of the observer's own, events.lost.log, is bound to it and gets a
// copy of each from then on, without taking anything from the queue.
package source
