package outbox

import (
	"errors"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
)

// SQLSTATE codes and SQLite result codes that are acted on.
//
// Source: PostgreSQL, appendix A "Error Codes"; SQLite, "Result and Error
// Codes".
const (
	pgSerializationFailure = "40001"
	pgDeadlockDetected     = "40P01"
	pgUndefinedTable       = "42P01"

	sqliteError   = 1
	sqliteBusy    = 5
	sqliteLocked  = 6
	sqlitePrimary = 0xff // the primary code in an extended one
)

// isConflict tells whether a transaction failed only because of others, so
// that running it again can help. It is certain then that it was rolled back.
func isConflict(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code == pgSerializationFailure || pg.Code == pgDeadlockDetected
	}
	var lite *sqlite.Error
	if errors.As(err, &lite) {
		code := lite.Code() & sqlitePrimary
		return code == sqliteBusy || code == sqliteLocked
	}
	return false
}
