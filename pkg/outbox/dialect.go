package outbox

import "fmt"

// Dialect is the kind of database that holds the outbox.
type Dialect int

// The dialects. The zero value is none of them, so that a forgotten one is
// found by [New].
const (
	// PostgreSQL, version 12 or later, through pgx's database/sql driver.
	PostgreSQL Dialect = iota + 1
	// SQLite, version 3.38 or later.
	SQLite
)

// String returns the name of the database.
func (d Dialect) String() string {
	switch d {
	case PostgreSQL:
		return "PostgreSQL"
	case SQLite:
		return "SQLite"
	default:
		return fmt.Sprintf("Dialect(%d)", int(d))
	}
}
