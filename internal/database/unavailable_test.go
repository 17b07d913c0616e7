package database_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/database"
)

func TestWhatTimeMendsIsUnavailable(t *testing.T) {
	for _, err := range []error{
		context.DeadlineExceeded, io.ErrUnexpectedEOF, sql.ErrConnDone, &net.OpError{Op: "dial", Err: errors.New("connection refused")},
		&pgconn.PgError{Code: "57P01"}, // terminated by an administrator
		&pgconn.PgError{Code: "57P03"}, // starting up
		&pgconn.PgError{Code: "53300"}, // too many connections
		&pgconn.PgError{Code: "40001"}, // in conflict with others, again and again
		&pgconn.PgError{Code: "08006"},
	} {
		require.True(t, database.IsUnavailable(fmt.Errorf("read an order: %w", err)), "%v", err)
	}
	for _, err := range []error{
		nil, errors.New("anything"), sql.ErrNoRows, sql.ErrTxDone,
		&pgconn.PgError{Code: "23505"}, // unique violation
		&pgconn.PgError{Code: "42P01"}, // no such table
	} {
		require.False(t, database.IsUnavailable(err), "%v", err)
	}
}

func TestABusySQLiteIsUnavailable(t *testing.T) {
	db, _ := open(t, "sqlite:"+filepath.Join(t.TempDir(), "x.db"))
	_, err := db.ExecContext(t.Context(), "SELECT * FROM nothing")
	require.Error(t, err)
	require.False(t, database.IsUnavailable(err))

	conn, err := db.Conn(t.Context())
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close()) }()
	_, err = conn.ExecContext(t.Context(), "PRAGMA busy_timeout = 1")
	require.NoError(t, err)
	writer, err := db.Begin()
	require.NoError(t, err)
	defer func() { require.NoError(t, writer.Rollback()) }()
	_, err = conn.BeginTx(t.Context(), nil)
	require.Error(t, err)
	require.True(t, database.IsUnavailable(err), "%v", err)
}
