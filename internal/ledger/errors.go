package ledger

import "errors"

// Errors to tell apart.
var (
	// ErrConflict: another observer has written to the ledger. Nothing was
	// committed; stop writing, and load again if it is your turn.
	ErrConflict = errors.New("another observer has written to this ledger: stop one of the two, or give each a ledger of its own")
	// ErrNotFound: there is no such flow, or no more.
	ErrNotFound = errors.New("no such flow in the ledger")
	// ErrCursor: a cursor that no list returned.
	ErrCursor = errors.New("this cursor is of no list: begin again without one")
)
