package testenv_test

import (
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/testenv"
)

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	return conn
}

func TestEachTestHasADatabaseOfItsOwn(t *testing.T) {
	a, b := connect(t, testenv.PostgreSQL(t)), connect(t, testenv.PostgreSQL(t))
	defer func() { _ = a.Close(t.Context()) }()
	defer func() { _ = b.Close(t.Context()) }()
	_, err := a.Exec(t.Context(), "CREATE TABLE orders (id text)")
	require.NoError(t, err)
	_, err = b.Exec(t.Context(), "CREATE TABLE orders (id text)")
	require.NoError(t, err, "the other database has no such table")
}

func TestADatabaseGoesWithItsTest(t *testing.T) {
	url := testenv.PostgreSQL(t)
	t.Run("uses it", func(t *testing.T) {
		url = testenv.PostgreSQL(t)
		_ = connect(t, url) // left open: it must not be in the way
	})
	_, err := pgx.Connect(t.Context(), url)
	require.ErrorContains(t, err, "does not exist")
}
