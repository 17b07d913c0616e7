package observer_test

import (
	"net/url"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/observer"
	"github.com/laban-io/laban/internal/testenv"
	"github.com/laban-io/laban/pkg/flow"
)

// outage takes a PostgreSQL database away from all who use it, and gives it back.
type outage struct {
	admin *pgx.Conn
	name  string
}

func newOutage(t *testing.T, database string) *outage {
	t.Helper()
	u, err := url.Parse(database)
	require.NoError(t, err)
	name := u.Path[1:]
	u.Path = "/postgres"
	admin, err := pgx.Connect(t.Context(), u.String())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, admin.Close(t.Context())) })
	return &outage{admin, name}
}

// cut closes all connections.
func (o *outage) cut(t *testing.T) {
	t.Helper()
	_, err := o.admin.Exec(t.Context(), "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", o.name)
	require.NoError(t, err)
}

// allow says whether there may be connections.
func (o *outage) allow(t *testing.T, connections bool) {
	t.Helper()
	word := "false"
	if connections {
		word = "true"
	}
	_, err := o.admin.Exec(t.Context(), "ALTER DATABASE "+o.name+" WITH ALLOW_CONNECTIONS "+word)
	require.NoError(t, err)
}

// TestADatabaseThatGoesAwayMakesBlind: the observer says so, calls nothing stalled
// meanwhile, goes on alone when the database is back, and has lost nothing. A
// connection that is cut now and then is no matter.
func TestADatabaseThatGoesAwayMakesBlind(t *testing.T) {
	b := testenv.RabbitMQ(t)
	o := options{ledger: testenv.PostgreSQL(t)}
	database := newOutage(t, o.ledger)
	w := watch(t, b, o)
	w.sees(t)
	web, _ := service(t, b, "web", nil, nil)
	place(t, web, "before")
	w.becomes(t, "before", flow.Stalled)
	for _, key := range []string{"1", "2", "3"} {
		place(t, web, key)
		database.cut(t)
	}
	for _, key := range []string{"1", "2", "3"} {
		w.comes(t, key, flow.Stalled)
	}

	database.allow(t, false)
	database.cut(t)
	place(t, web, "during")
	require.Eventually(t, func() bool { return w.Status().Blind == observer.Lagging }, patience, 10*time.Millisecond)
	require.Contains(t, w.Status().BlindDetail, "the ledger has not been written")
	require.Contains(t, w.Status().BlindDetail, "not currently accepting connections")
	require.Equal(t, observer.Active, w.Status().Role)
	stalled := len(w.Survey().Stalled)
	place(t, web, "during-2")
	// Twice the time within which it would have stalled.
	since := w.Status().BlindSince
	require.Eventually(t, func() bool { return time.Since(since) > 2*time.Second }, patience, 100*time.Millisecond)
	require.Len(t, w.Survey().Stalled, stalled, "what nobody can be shown is not judged")
	database.allow(t, true)

	for _, key := range []string{"during", "during-2"} {
		w.comes(t, key, flow.Stalled)
	}
	w.sees(t)
	s := w.Status()
	require.Zero(t, s.Log.Gaps)
	require.EqualValues(t, 1, s.Log.Epoch, "it is the same term")
	head, err := w.ledger.Head(t.Context())
	require.NoError(t, err)
	require.Equal(t, s.Log.ID, head.Position.LogID)
	w.stop()
	l := openLedger(t, o.ledger)
	defer func() { require.NoError(t, l.Close()) }()
	require.Equal(t, replayed(t, b, l, options{}), dump(t, l))
}
