package chassis

import (
	"context"
	"database/sql"
	"errors"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/database"
	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/membus"
	"github.com/laban-io/laban/pkg/outbox"
)

const soon, tick = 10 * time.Second, 5 * time.Millisecond

func TestReadyWhenItDoesItsWork(t *testing.T) {
	r := startRun(t, testSpec(quiet), Options{})
	r.waitStarted()
	require.Eventually(t, func() bool { status, _ := r.readiness(); return status == http.StatusOK }, soon, tick)
	_, what := r.readiness()
	require.Equal(t, report{Status: "ready", Phase: "serving", Checks: map[string]string{"broker": "ok", "database": "ok"}}, what)
	status, text := r.get("/healthz")
	require.Equal(t, http.StatusOK, status)
	require.JSONEq(t, `{"status":"alive"}`, text)
	status, text = r.get("/metrics")
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, text, "outbox")
	status, _ = r.get("/anything")
	require.Equal(t, http.StatusNotFound, status)
	r.end()
	require.NoError(t, r.waitStopped())
}

// TestADatabaseThatIsDownIsWaitedFor: the process is alive and says what it
// waits for, in /readyz and in the log; then it works.
func TestADatabaseThatIsDownIsWaitedFor(t *testing.T) {
	var up atomic.Bool
	r := startRun(t, testSpec(quiet), Options{
		DatabaseURL: "postgres://shop@db/shop",
		openDatabase: func(ctx context.Context, _ string, opts ...database.Option) (*sql.DB, outbox.Dialect, error) {
			if !up.Load() {
				return nil, 0, errors.New("connection refused")
			}
			return database.Open(ctx, "sqlite::memory:", opts...)
		},
	})
	require.Eventually(t, func() bool {
		status, what := r.readiness()
		return status == http.StatusServiceUnavailable && what.Checks["database"] == "connection refused"
	}, soon, tick)
	_, what := r.readiness()
	require.Equal(t, "starting", what.Phase)
	require.Equal(t, "ok", what.Checks["broker"], "the broker is there meanwhile")
	status, _ := r.get("/healthz")
	require.Equal(t, http.StatusOK, status)
	status, text := r.get("/orders")
	require.Equal(t, http.StatusServiceUnavailable, status)
	require.Contains(t, text, "/readyz")
	require.Contains(t, r.log.String(), "for=database error=\"connection refused\"")

	up.Store(true)
	r.waitStarted()
	require.Eventually(t, func() bool { status, _ := r.readiness(); return status == http.StatusOK }, soon, tick)
}

// TestStoppingWhileWaiting: it need not start before it can stop.
func TestStoppingWhileWaiting(t *testing.T) {
	r := startRun(t, testSpec(quiet), Options{
		DatabaseURL: "postgres://shop@db/shop",
		openDatabase: func(context.Context, string, ...database.Option) (*sql.DB, outbox.Dialect, error) {
			return nil, 0, errors.New("connection refused")
		},
	})
	require.Eventually(t, func() bool { _, what := r.readiness(); return what.Checks["database"] == "connection refused" }, soon, tick)
	r.end()
	require.NoError(t, r.waitStopped(), "it was asked to, so that is no error")
}

func TestABrokerThatIsDownIsSaid(t *testing.T) {
	broker := membus.New(membus.Config{})
	defer broker.Close()
	transport := &failingTransport{Transport: broker.Connect(), down: errors.New("connection refused")}
	r := startRun(t, testSpec(quiet), Options{openTransport: func(context.Context) (bus.Transport, error) { return transport, nil }})
	r.waitStarted()
	status, what := r.readiness()
	require.Equal(t, http.StatusServiceUnavailable, status)
	require.Equal(t, "connection refused", what.Checks["broker"])
	require.Equal(t, "ok", what.Checks["database"])
	transport.set(nil)
	require.Eventually(t, func() bool { status, _ := r.readiness(); return status == http.StatusOK }, soon, tick)
	transport.set(errors.New("gone again"))
	status, what = r.readiness()
	require.Equal(t, http.StatusServiceUnavailable, status)
	require.Equal(t, "gone again", what.Checks["broker"])
}

func TestADatabaseThatGoesAwayIsSaid(t *testing.T) {
	r := startRun(t, testSpec(quiet), Options{DrainTimeout: 400 * time.Millisecond})
	p := r.waitStarted()
	require.NoError(t, p.DB.Close())
	status, what := r.readiness()
	require.Equal(t, http.StatusServiceUnavailable, status)
	require.Contains(t, what.Checks["database"], "does not answer")
}

func TestAServiceAddsItsOwnReason(t *testing.T) {
	var reason atomic.Pointer[error]
	r := startRun(t, testSpec(func(context.Context, Parts) (Service, error) {
		return Service{Ready: func(context.Context) error {
			if err := reason.Load(); err != nil {
				return *err
			}
			return nil
		}}, nil
	}), Options{})
	r.waitStarted()
	require.Eventually(t, func() bool { status, _ := r.readiness(); return status == http.StatusOK }, soon, tick)
	err := errors.New("out of tea")
	reason.Store(&err)
	status, what := r.readiness()
	require.Equal(t, http.StatusServiceUnavailable, status)
	require.Equal(t, "out of tea", what.Checks["service"])
}

// TestReadinessAnswersInTime: a check that hangs is cut off.
func TestReadinessAnswersInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHealth()
		h.enter(serving)
		h.set(checkBroker, func(context.Context) error { return nil })
		h.set(checkDatabase, func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
		begin := time.Now()
		what, ready := h.report(t.Context())
		require.False(t, ready)
		require.Equal(t, "context deadline exceeded", what.Checks["database"])
		require.Equal(t, pingTimeout, time.Since(begin))
	})
}
