// Package database opens a service's database, PostgreSQL or SQLite, with
// settings fit for one that keeps its state and its outbox in it, and brings
// its schema up to date.
//
//	db, dialect, err := database.Open(ctx, "postgres://payment@db/payment")
//	err = database.Migrate(ctx, db, dialect, migrations)
//
// # What it promises
//
//   - A committed transaction is durable on both: a message is acknowledged
//     after its effects have been committed, so losing them would lose the
//     message. [Volatile] gives that up, for databases that nobody will miss.
//   - SQLite behaves as PostgreSQL does where it can: foreign keys are checked,
//     readers see the last commit and never wait, a writer waits for the other
//     one. "sqlite::memory:" does, too.
//   - A connection of SQLite keeps the statements it runs prepared, up to a
//     bound, as the driver of PostgreSQL does by itself.
//   - No error shows a password.
//
// # What it does not do
//
// It does not hide which database it is: queries are the caller's own, and SQL
// that is valid in both is a matter of care ($1 placeholders are).
package database
