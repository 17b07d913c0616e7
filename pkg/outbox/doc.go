// Package outbox makes a service's effects happen once: it is a transactional
// outbox and inbox in the service's own database, PostgreSQL or SQLite.
//
// A handler changes the service's state and publishes events. Done one after
// the other, a crash in between loses the events, or publishes what never
// happened. Here the events are rows in the transaction that changes the state,
// and a relay publishes them after it has committed. A message may come twice;
// the inbox notes in the same transaction that it was handled.
//
// # How to use it
//
//	ob, err := outbox.New(db, outbox.PostgreSQL, b, outbox.Config{})
//	err = ob.Migrate(ctx) // tables outbox and inbox, beside the service's own
//	go ob.Run(ctx)        // the relay; wait for it at the end
//
// A handler that only changes the database goes under [Outbox.Inbox], which
// puts a transaction into its context:
//
//	b.Use(ob.Inbox())
//	b.HandleFunc(func(ctx context.Context, e event.Event) error {
//		tx, _ := outbox.TxFrom(ctx)
//		…
//		return ob.Publish(ctx, event.New("stock.confirmed", data))
//	}, "order.placed")
//
// Whatever else changes state uses [Outbox.Transact]:
//
//	err = ob.Transact(ctx, func(ctx context.Context, tx *sql.Tx) error { … })
//
// A handler that calls the outside must not hold a transaction meanwhile: it
// notes in one what it is about to do, calls with the event's id as idempotency
// key, and in another one notes the result, publishes what follows, and calls
// [Outbox.Accept].
//
// # What it promises
//
//   - An event is published if and only if its transaction has committed: at
//     least once, always with the same id, with the flow, causation, times and
//     trace context that it was stored with.
//   - What a handler does through its transaction happens once, for as long as
//     the inbox remembers ([Config.KeepInbox]).
//   - Events of one key ([event.Event.OrderKey]) are published in the order in
//     which they were stored, also by several relays and after a failure, as
//     long as their transactions did not overlap and none was set aside. After
//     a crash or a lost answer, some come again.
//   - A relay publishes as soon as a transaction has committed: in its own
//     process at once, for other processes on PostgreSQL by LISTEN and NOTIFY,
//     and in any case by looking every [Config.PollInterval].
//   - A row that can't be published stops neither the others nor itself in
//     silence: it is put off, and those of its key with it, or set aside where
//     [Stats], the metrics, the log and [Outbox.Failed] show it. An absent
//     broker is waited for, without bound.
//   - No transaction of the relay spans a publish. Rows are claimed for a short
//     time ([Config.Lease]), renewed while they are in hand; those of a relay
//     that crashed are taken over after that time.
//   - Memory, waits and what is counted have bounds.
//
// # What it does not do
//
// It does not publish exactly once: receivers need an inbox, too. It does not
// cover effects outside the database. And it does not order transactions that
// run at the same time: those of one key should lock something in common, as
// the row of the order, before they publish.
//
// # What it needs
//
// [database/sql] with pgx's driver or modernc.org/sqlite, and of the pool three
// connections: one for the relay, one that listens (PostgreSQL), one now and
// then to remove old rows. SQLite should be in WAL mode, with transactions that
// take the write lock when they begin; one process at a time should relay from
// a file, though several may. PostgreSQL has to be reached directly or in
// session pooling, else nothing is notified and polling is left.
//
// The tables are meant to be looked at. Times in them are microseconds since
// 1970 by the database's clock. Why all this is so: docs/adr/0003.
package outbox
