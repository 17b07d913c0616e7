package outbox

import "errors"

// Errors that a caller may want to tell apart.
var (
	// ErrNoTransaction: the context is in no transaction of this outbox. Call it
	// inside [Outbox.Transact], with the context given there.
	ErrNoTransaction = errors.New("no transaction of this outbox in the context")
	// ErrRolledBack: the transaction was rolled back although its function
	// returned nil, because a nested one in it failed, or because a statement
	// did and the function did not say so.
	ErrRolledBack = errors.New("the transaction was rolled back")
	// ErrCommitUnknown: the database did not say whether the transaction took
	// effect. Look, or do it again in a way that does no harm if it did: under
	// the event's inbox row, or an idempotency key.
	ErrCommitUnknown = errors.New("it is not known whether the transaction was committed")
	// ErrRunning: the outbox is relaying already.
	ErrRunning = errors.New("the outbox is running already")
	// ErrNotMigrated: the tables are not there.
	ErrNotMigrated = errors.New("the outbox has no tables; call Migrate first")
)
