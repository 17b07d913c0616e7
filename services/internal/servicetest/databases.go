package servicetest

import (
	"context"
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
	ctx := context.Background()
	rows, err := b.db.QueryContext(ctx, `SELECT name FROM sqlite_master WHERE type = 'table'`)
	require.NoError(t, err)
	var tables []string
	for rows.Next() {
		var name string
		require.NoError(t, rows.Scan(&name))
		tables = append(tables, name)
	}
	require.NoError(t, rows.Err())
	require.NoError(t, rows.Close())
	var dump strings.Builder
	for _, table := range tables {
		b.dumpTable(ctx, t, &dump, table)
	}
	return dump.String()
}

func (b *Bench) dumpTable(ctx context.Context, t require.TestingT, dump *strings.Builder, table string) {
	rows, err := b.db.QueryContext(ctx, `SELECT * FROM "`+table+`"`)
	require.NoError(t, err)
	columns, err := rows.Columns()
	require.NoError(t, err)
	for rows.Next() {
		row := make([]any, len(columns))
		for i := range row {
			row[i] = new(any)
		}
		require.NoError(t, rows.Scan(row...))
		for i, column := range columns {
			value := *row[i].(*any)
			if raw, ok := value.([]byte); ok {
				value = string(raw)
			}
			fmt.Fprintf(dump, "%s.%s = %v\n", table, column, value)
		}
	}
	require.NoError(t, rows.Err())
	require.NoError(t, rows.Close())
}
