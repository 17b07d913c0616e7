package database

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	driversqlite "modernc.org/sqlite"
)

// IsUnavailable tells whether err says that a database could not be reached or
// was not up to the work for now, so that the same may succeed later. Whether
// it was done nevertheless is not known.
func IsUnavailable(err error) bool {
	for _, sign := range [...]error{
		context.DeadlineExceeded, context.Canceled, driver.ErrBadConn, sql.ErrConnDone,
		io.EOF, io.ErrUnexpectedEOF, // a server that was killed
	} {
		if errors.Is(err, sign) {
			return true
		}
	}
	var (
		network net.Error
		pg      *pgconn.PgError
		lite    *driversqlite.Error
	)
	switch {
	case errors.As(err, &network):
		return true
	case errors.As(err, &pg):
		return isPassing(pg.Code)
	case errors.As(err, &lite):
		const busy, locked, primary = 5, 6, 0xff
		code := lite.Code() & primary
		return code == busy || code == locked
	default:
		return false
	}
}

// isPassing tells whether a SQLSTATE is of a class that time mends: connection
// exception, transaction rollback, insufficient resources, operator
// intervention.
//
// Source: PostgreSQL, appendix A "Error Codes".
func isPassing(code string) bool {
	for _, class := range [...]string{"08", "40", "53", "57"} {
		if strings.HasPrefix(code, class) {
			return true
		}
	}
	return false
}
