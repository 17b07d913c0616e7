package ledger_test

import (
	"database/sql"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/ledger"
	"github.com/laban-io/laban/internal/testenv"
	"github.com/laban-io/laban/pkg/flow"
)

// chapters are those of docs/reference/ledger.md, by table.
func chapters(t *testing.T) (text string, tables map[string]string) {
	t.Helper()
	page, err := os.ReadFile("../../docs/reference/ledger.md")
	require.NoError(t, err)
	tables = make(map[string]string)
	for _, chapter := range strings.Split(string(page), "\n## ")[1:] {
		heading, body, _ := strings.Cut(chapter, "\n")
		if name := strings.Trim(heading, "`"); name != heading {
			tables[name] = body
		}
	}
	return string(page), tables
}

// schema returns the columns of all tables and views, but those of migrations.
func schema(t *testing.T, url string) map[string][]string {
	t.Helper()
	open(t, url)
	query := `SELECT m.name, c.name FROM sqlite_schema m, pragma_table_info(m.name) c
		WHERE m.type IN ('table', 'view') AND m.name NOT LIKE 'sqlite_%' ORDER BY m.name, c.cid`
	if strings.HasPrefix(url, "postgres") {
		query = `SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'
			ORDER BY table_name, ordinal_position`
	}
	rows, err := raw(t, url).Query(query)
	require.NoError(t, err)
	defer rows.Close()
	columns := make(map[string][]string)
	for rows.Next() {
		var table, column string
		require.NoError(t, rows.Scan(&table, &column))
		columns[table] = append(columns[table], column)
	}
	require.NoError(t, rows.Err())
	require.Contains(t, columns, ledger.VersionTable)
	delete(columns, ledger.VersionTable)
	return columns
}

func TestEveryTableAndColumnIsDocumented(t *testing.T) {
	page, documented := chapters(t)
	found := make(map[string]bool)
	all := schema(t, file(t))
	for table, columns := range all {
		if strings.HasSuffix(table, "_view") {
			row := regexp.MustCompile("(?m)^\\| `" + table + "` \\| `([a-z_]+)` \\|(.*)$").FindStringSubmatch(page)
			require.NotNil(t, row, "view %s", table)
			for _, column := range columns {
				if !strings.Contains(row[2], "`"+column+"`") {
					require.Contains(t, all[row[1]], column, "view %s", table)
				}
			}
			continue
		}
		require.Contains(t, documented, table)
		found[table] = true
		for _, column := range columns {
			require.Contains(t, documented[table], "\n| `"+column+"` |", "table %s", table)
		}
		require.Len(t, columns, strings.Count(documented[table], "\n| `"), "table %s has what is documented", table)
	}
	for table := range documented {
		require.True(t, found[table], "there is no table %s", table)
	}
}

func TestBothDatabasesHaveTheSameTables(t *testing.T) {
	require.Equal(t, schema(t, file(t)), schema(t, testenv.PostgreSQL(t)))
}

func TestViewsShowTimes(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		w := takeOver(t, open(t, url))
		var b ledger.Batch
		o := order{n: 1, events: 8, begin: start()}
		o.whole(&b)
		b.Failures = []ledger.Failure{{Kind: ledger.Parked, LogTime: start()}}
		b.Transitions = append(b.Transitions, flow.Transition{Kind: flow.Deviated, At: start()})
		b.Markers = []ledger.Marker{{Kind: "x"}}
		b.Actions = []ledger.Action{{Action: "closed", At: start()}}
		w.commit(t, &b, 8)
		require.NoError(t, w.MarkExported(t.Context(), start(), b.Markers[0].ID))
		db := raw(t, url)
		for _, q := range []string{
			"SELECT started_at FROM flow_view", "SELECT log_time FROM event_view WHERE number = 1", "SELECT owed_since FROM obligation_view WHERE number = 1",
			"SELECT at FROM transition_view WHERE kind = 'started'", "SELECT at FROM deviation_view", "SELECT log_time FROM failure_view",
			"SELECT exported_at FROM marker_view", "SELECT at FROM audit_view",
		} {
			if strings.HasPrefix(url, "sqlite") {
				var text string
				require.NoError(t, db.QueryRow(q).Scan(&text), q)
				require.Equal(t, start().Format("2006-01-02T15:04:05.000000000Z"), text, q)
				continue
			}
			var at time.Time
			require.NoError(t, db.QueryRow(q).Scan(&at), q)
			require.Equal(t, start().Truncate(time.Microsecond), at.UTC(), q)
		}
		var ms float64
		require.NoError(t, db.QueryRow("SELECT duration_ms FROM flow_view").Scan(&ms))
		require.Equal(t, 500.0, ms)
		var ended sql.NullString
		require.NoError(t, db.QueryRow("SELECT overdue_since FROM obligation_view WHERE number = 1").Scan(&ended))
		require.False(t, ended.Valid)
	})
}

// TestDocumentedQuestions runs the queries that the page gives whole.
func TestDocumentedQuestions(t *testing.T) {
	page, _ := chapters(t)
	queries := regexp.MustCompile("(?s)```sql\n([^`…]*?;)\n```").FindAllStringSubmatch(page, -1)
	require.Len(t, queries, 2)
	onEach(t, func(t *testing.T, url string) {
		shop(t, open(t, url))
		for i, want := range []int{2, 0} {
			var n int
			query := "SELECT count(*) FROM (" + strings.TrimSuffix(queries[i][1], ";") + ") AS answers"
			require.NoError(t, raw(t, url).QueryRow(query).Scan(&n))
			require.Equal(t, want, n)
		}
	})
}
