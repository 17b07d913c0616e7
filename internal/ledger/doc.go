// Package ledger is the observer's database: what it knows of every flow, and
// how far it has read. It is SQLite in a file, or PostgreSQL.
//
//	l, err := ledger.Open(ctx, "sqlite:ledger.db", ledger.Config{})
//	epoch, err := l.TakeOver(ctx)
//	head, err := l.Load(ctx, func(f ledger.LiveFlow) error { … })
//	err = l.Commit(ctx, &batch) // again and again
//	err = l.Close()
//
// # What it promises
//
//   - A [Batch] is committed whole or not at all: what became of flows, the
//     position in the log that this follows from, and the tracker's state there.
//   - Only one observer writes. A commit compares epoch and position with those
//     that it starts from, and fails with [ErrConflict] where another one has
//     moved them. No batch is applied twice.
//   - It is derived from the log. A commit does not wait for the disk: a crash
//     of the machine may take the last ones, all from some point on, and reading
//     the log from there gives the same rows again.
//   - No text of a message can make a commit fail: see [Batch] for how texts are
//     cleaned and bounded. What identifies a flow stays exact.
//   - Readers see the last commit, never a part of one, and never hold up the
//     writer. A [Reader] can't write.
//   - [Reader.Dump] is the same for the same log on both databases, wherever the
//     log was cut into batches.
//
// # What it does not do
//
// It judges nothing: that is package flow's. It keeps no payload that the caller
// does not give it, and redacts none.
//
// # Tables
//
// The tables are meant to be read by people and by Grafana, and are documented
// in docs/reference/ledger.md. Times in them are integers, nanoseconds since
// 1970, since neither PostgreSQL's timestamps (microseconds) nor SQLite, which
// has none, would keep log times exact; views show them as times.
package ledger
