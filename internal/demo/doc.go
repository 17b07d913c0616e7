// Package demo runs the whole order system in one process and shows it at
// work: it places orders of mixed fates through the order API, follows each of
// them in the log, and in the end says whether all ended as they had to.
//
//	report, err := demo.Run(ctx, stop, demo.Config{Orders: 50, Exit: true, Out: os.Stdout})
//
// # What it promises
//
//   - The services are the real ones, on the transport that they are on
//     otherwise: in memory, or RabbitMQ. Only the payment provider and the
//     carrier are simulated, and mails are counted instead of sent.
//   - What it says of an order comes from the log, and is held against what
//     others say at the end: inventory's database, the provider's and the
//     carrier's books, the mails, the order API.
//   - Orders that are not its own, such as those of an earlier run on the same
//     broker, make no difference to its report.
//   - It leaves nothing behind but what it was asked to keep, and on a broker
//     the queues and the log.
//
// # Faults
//
// With Config.Faults it breaks things between services and their transport, and
// holds what the observer that is built in says of it against what was done.
//
// # What it does not do
//
// It is not the observer: it knows this one choreography by heart and keeps
// every order of its run in memory.
package demo
