package servicetest

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/testenv"
)

// EachDatabase runs a test on SQLite and on PostgreSQL, each with an empty
// database. In short mode PostgreSQL is left out.
func EachDatabase(t *testing.T, test func(t *testing.T, url string)) {
	t.Helper()
	t.Run("SQLite", func(t *testing.T) { test(t, SQLite(t)) })
	t.Run("PostgreSQL", func(t *testing.T) { test(t, testenv.PostgreSQL(t)) })
}

// SQLite returns the URL of an empty database in a file of its own.
func SQLite(t testing.TB) string {
	t.Helper()
	return "sqlite:" + filepath.Join(t.TempDir(), "test.db")
}

// Dump returns everything in the service's SQLite database as text.
func (b *Bench) Dump(t require.TestingT) string {
	var dump strings.Builder
	for _, table := range b.query(t, `SELECT name FROM sqlite_master WHERE type = 'table'`) {
		for _, row := range b.query(t, `SELECT * FROM "`+strings.TrimSuffix(table, "|")+`"`) {
			fmt.Fprintln(&dump, table, row)
		}
	}
	return dump.String()
}

// query returns the rows of a query as text.
func (b *Bench) query(t require.TestingT, query string) (text []string) {
	rows, err := b.db.QueryContext(context.Background(), query)
	require.NoError(t, err)
	defer rows.Close()
	columns, err := rows.Columns()
	require.NoError(t, err)
	for rows.Next() {
		values := make([]sql.NullString, len(columns))
		targets := make([]any, len(columns))
		for i := range values {
			targets[i] = &values[i]
		}
		require.NoError(t, rows.Scan(targets...))
		var row strings.Builder
		for _, v := range values {
			row.WriteString(v.String + "|")
		}
		text = append(text, row.String())
	}
	require.NoError(t, rows.Err())
	return text
}
