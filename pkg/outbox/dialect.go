package outbox

import (
	"fmt"
	"strconv"
)

// Dialect is the kind of database that holds the outbox.
type Dialect int

// The dialects. The zero value is none of them, so that a forgotten one is
// found by [New].
const (
	// PostgreSQL, version 12 or later, through pgx's database/sql driver.
	PostgreSQL Dialect = iota + 1
	// SQLite, version 3.43 or later, through modernc.org/sqlite.
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

// now is the database's clock in microseconds since 1970. It is the only clock
// that rows are dated and claimed by, so relays on several hosts agree.
func (d Dialect) now() string {
	if d == SQLite {
		return "CAST(unixepoch('subsec') * 1000000 AS INTEGER)"
	}
	return "(extract(epoch FROM statement_timestamp()) * 1000000)::bigint"
}

// among is a condition on seq: that it is one of those in a parameter which
// [Dialect.list] made.
func (d Dialect) among(parameter string) string {
	if d == SQLite {
		return "seq IN (SELECT value FROM json_each(" + parameter + "))"
	}
	return "seq = ANY(" + parameter + "::bigint[])"
}

// list returns numbers as one parameter.
func (d Dialect) list(seqs []int64) string {
	opening, closing := byte('{'), byte('}')
	if d == SQLite {
		opening, closing = '[', ']'
	}
	text := make([]byte, 0, 2+8*len(seqs))
	text = append(text, opening)
	for i, seq := range seqs {
		if i > 0 {
			text = append(text, ',')
		}
		text = strconv.AppendInt(text, seq, 10)
	}
	return string(append(text, closing))
}
