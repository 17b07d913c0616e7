package ledger

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/testenv"
	"github.com/laban-io/laban/pkg/flow"
)

// lossy is a connection whose commits are not answered.
type lossy struct{ connection }

func (c lossy) transact(ctx context.Context, fn func(writer) error) error {
	if err := c.connection.transact(ctx, fn); err != nil {
		return err
	}
	return &inDoubt{errors.New("connection reset")}
}

// dead is a connection that does nothing any more.
type dead struct{ connection }

func (c dead) transact(context.Context, func(writer) error) error {
	return errors.New("no route to host")
}

func TestCommitWhoseAnswerWasLost(t *testing.T) {
	for name, url := range map[string]func(testing.TB) string{
		"SQLite":     func(t testing.TB) string { return "sqlite:" + filepath.Join(t.TempDir(), "x.db") },
		"PostgreSQL": testenv.PostgreSQL,
	} {
		t.Run(name, func(t *testing.T) {
			l, err := Open(t.Context(), url(t), Config{})
			require.NoError(t, err)
			defer func() { require.NoError(t, l.Close()) }()
			epoch, err := l.TakeOver(t.Context())
			require.NoError(t, err)
			b := &Batch{Epoch: epoch, To: Position{Next: 3}, Events: []Event{{Entry: flow.Entry{Choreography: "order", FlowID: "1"}}}}

			l.conn = lossy{l.conn}
			require.ErrorContains(t, l.Commit(t.Context(), b), "lost")
			l.conn, err = l.connect(t.Context())
			require.NoError(t, err)
			l.conn = dead{l.conn}
			require.ErrorContains(t, l.Commit(t.Context(), b), "no route")
			require.NoError(t, l.Commit(t.Context(), b), "it was committed")
			var n int
			require.NoError(t, l.db.QueryRow("SELECT count(*) FROM events").Scan(&n))
			require.Equal(t, 1, n)

			again := *b
			require.ErrorIs(t, l.Commit(t.Context(), &again), ErrConflict, "that is no retry")
			b.From, b.To.Next = b.To, 4
			require.NoError(t, l.Commit(t.Context(), b))
		})
	}
}

// TestListsUseIndexes asks SQLite, which has no statistics, how it would go
// about each list. (BenchmarkFlows measures both databases.)
func TestListsUseIndexes(t *testing.T) {
	l, err := Open(t.Context(), "sqlite::memory:", Config{})
	require.NoError(t, err)
	defer func() { require.NoError(t, l.Close()) }()
	cause := flow.Parked
	for name, f := range map[string]Filter{
		"all":          {},
		"choreography": {Choreography: "x"},
		"status":       {Statuses: []flow.Status{flow.Stalled, flow.Failed}},
		"both":         {Choreography: "x", Statuses: []flow.Status{flow.Stalled}},
		"service":      {Service: "x"},
		"cause":        {Cause: &cause},
		"key":          {Key: "x"},
		"id":           {FlowID: "x"},
		"trace":        {TraceID: "x"},
		"search":       {Search: "x"},
	} {
		for _, from := range []*cursor{nil, {1, "x", "y"}} {
			query, args, err := listQuery(t.Context(), l.db, &f, from, 51)
			require.NoError(t, err)
			plan, err := collect(t.Context(), l.db, "EXPLAIN QUERY PLAN "+query, args, func(rows *sql.Rows) (line string, err error) {
				var id, parent, unused int
				err = rows.Scan(&id, &parent, &unused, &line)
				return line, err
			})
			require.NoError(t, err)
			text := strings.Join(plan, "\n")
			for _, table := range []string{"f", "o", "flows", "obligations", "flow_traces"} {
				require.NotRegexp(t, `(?m)^SCAN `+table+`$`, text, "%s: %s", name, query)
			}
			if from == nil && len(f.named(&params{})) == 0 && f.Service == "" && f.Cause == nil {
				require.NotRegexp(t, `(?m)^SEARCH f.*\nUSE TEMP`, text, "%s: %s", name, query)
				require.NotRegexp(t, `(?m)^SCAN f .*\nUSE TEMP`, text, "%s: %s", name, query)
			}
		}
	}
}

func TestCleanText(t *testing.T) {
	for in, want := range map[string]string{
		"":                "",
		"plain":           "plain",
		"grün":            "grün",
		"a\x00b":          "a\ufffdb",
		"ü\x00":           "ü\ufffd",
		"\xff":            "\ufffd",
		"123456789x":      "123456789",
		"12345678ü":       "12345678",
		"1234567\xe2\x82": "1234567", // the replacement has no room
	} {
		require.Equal(t, want, clean(in, 9), "%q", in)
	}
	require.NotEqual(t, cleanID("\x00"), cleanID("\x01\x00"))
	require.NotEqual(t, cleanID("a\x00"), cleanID("a\xff"))
}

func FuzzClean(f *testing.F) {
	f.Add("a\x00\xff", "b")
	f.Fuzz(func(t *testing.T, a, b string) {
		for _, limit := range []int{9, 512} {
			got := clean(a, limit)
			require.True(t, utf8.ValidString(got) && !strings.Contains(got, "\x00") && len(got) <= limit, "%q", got)
			require.Equal(t, got, clean(got, limit))
		}
		require.LessOrEqual(t, len(cleanID(a)), maxID)
		require.True(t, isClean(cleanID(a)))
		require.Equal(t, a == b, cleanID(a) == cleanID(b))
	})
}
