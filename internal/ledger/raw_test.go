package ledger_test

import (
	"bytes"
	"database/sql"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/database"
	"github.com/laban-io/laban/internal/ledger"
)

// raw opens a ledger's database as anybody may.
func raw(t *testing.T, url string) *sql.DB {
	t.Helper()
	db, _, err := database.Open(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

// blockMarkers makes the table of markers refuse rows.
func blockMarkers(t *testing.T, url string) {
	t.Helper()
	statement := "ALTER TABLE markers ADD CONSTRAINT none CHECK (false)"
	if strings.HasPrefix(url, "sqlite") {
		statement = "CREATE TRIGGER none BEFORE INSERT ON markers BEGIN SELECT RAISE(ABORT, 'none'); END"
	}
	_, err := raw(t, url).Exec(statement)
	require.NoError(t, err)
}

func dump(t *testing.T, l *ledger.Ledger) string {
	t.Helper()
	var text bytes.Buffer
	require.NoError(t, l.Dump(t.Context(), &text, ledger.DumpConfig{}))
	return text.String()
}
