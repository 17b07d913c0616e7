package chassis

import (
	"context"
	"database/sql"
	"net/http"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
	"github.com/laban-io/laban/pkg/membus"
)

// diary notes what happened, in order.
type diary struct {
	mu    sync.Mutex
	lines []string
}

func (d *diary) note(line string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = append(d.lines, line)
}

func (d *diary) all() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.lines)
}

// notingTransport notes when it is closed.
type notingTransport struct {
	bus.Transport
	diary *diary
}

func (n notingTransport) Close(ctx context.Context) error {
	n.diary.note("transport closed")
	return n.Transport.Close(ctx)
}

// TestStopInOrder holds a request and a handler in the middle of their work and
// stops the service. Both finish, what they put into the outbox is published,
// and everything is closed after whatever needs it.
func TestStopInOrder(t *testing.T) {
	var (
		d              diary
		requestIn      = make(chan struct{})
		releaseRequest = make(chan struct{})
		handlerIn      = make(chan struct{})
		releaseHandler = make(chan struct{})
		db             *sql.DB
		broker         = membus.New(membus.Config{})
	)
	defer broker.Close()
	usable := func(what string) {
		if ping(context.Background(), db) == nil {
			d.note(what + ", with the database")
		} else {
			d.note(what + ", without the database")
		}
	}
	work := func(ctx context.Context, p Parts, what string) error {
		return p.Outbox.Transact(ctx, func(ctx context.Context, tx *sql.Tx) error {
			if _, err := tx.ExecContext(ctx, "INSERT INTO visits (what) VALUES ($1)", what); err != nil {
				return err
			}
			return p.Outbox.Publish(ctx, event.New("shop.done", map[string]string{"what": what}).WithSubject(what))
		})
	}
	build := func(_ context.Context, p Parts) (Service, error) {
		db = p.DB
		p.Bus.HandleFunc(func(ctx context.Context, e event.Event) error {
			if e.Subject == "slow" {
				close(handlerIn)
				<-releaseHandler
			}
			err := work(ctx, p, e.Subject)
			d.note("handled " + e.Subject)
			return err
		}, "visitor.came")
		return Service{
			HTTP: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				close(requestIn)
				<-releaseRequest
				if err := work(r.Context(), p, "request"); err != nil {
					w.WriteHeader(http.StatusInternalServerError)
				}
				d.note("answered")
			}),
			Run:   func(ctx context.Context) error { <-ctx.Done(); usable("own work ended"); return nil },
			Close: func() error { usable("service closed"); return nil },
		}, nil
	}
	r := startRun(t, testSpec(build), Options{
		ShutdownDelay:  300 * time.Millisecond,
		openTransport:  func(context.Context) (bus.Transport, error) { return notingTransport{broker.Connect(), &d}, nil },
		flushTelemetry: func(context.Context) error { usable("telemetry flushed"); return nil },
	})
	r.waitStarted()
	require.Eventually(t, func() bool { status, _ := r.readiness(); return status == http.StatusOK }, soon, tick)

	visitors, err := bus.New(bus.Config{Service: "visitors"}, broker.Connect())
	require.NoError(t, err)
	come := func(who string) {
		require.NoError(t, visitors.Publish(t.Context(), event.New("visitor.came", nil).WithSubject(who)))
	}
	answered := make(chan int, 1)
	go func() { status, _ := r.get("/"); answered <- status }()
	<-requestIn
	come("slow")
	<-handlerIn

	r.end()
	require.Eventually(t, func() bool {
		status, what := r.readiness()
		return status == http.StatusServiceUnavailable && what.Phase == "stopping"
	}, soon, tick, "first it says that it is not ready")
	require.Eventually(t, func() bool { status, _ := r.get("/healthz"); return status == 0 }, soon, tick, "then HTTP stops")
	come("early")
	require.Eventually(t, func() bool { return slices.Contains(d.all(), "handled early") }, soon, tick,
		"events are still handled while a request is under way")
	close(releaseRequest)
	require.Equal(t, http.StatusOK, <-answered, "the request under way is answered")
	require.Eventually(t, func() bool { return slices.Contains(d.all(), "own work ended, with the database") }, soon, tick,
		"then consuming stops")
	close(releaseHandler)
	require.NoError(t, r.waitStopped())

	require.Equal(t, []string{
		"handled early", "answered", "own work ended, with the database", "handled slow",
		"transport closed", "service closed, with the database", "telemetry flushed, with the database",
	}, d.all())
	require.Error(t, ping(context.Background(), db), "the database is closed")
	require.ElementsMatch(t, []string{"early", "request", "slow"}, published(t, broker, 3), "all of it was published")
}

// published returns the subjects of the first n shop.done in the log.
func published(t *testing.T, broker *membus.Broker, n int) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), soon)
	defer cancel()
	var subjects []string
	require.NoError(t, broker.Connect().Tail(ctx, bus.First(), func(r bus.LogRecord) error {
		if r.Event.Type == "shop.done" {
			if subjects = append(subjects, r.Event.Subject); len(subjects) == n {
				cancel()
			}
		}
		return nil
	}))
	return subjects
}

// TestARequestThatDoesNotEndIsCutOff: stopping takes no longer than is allowed.
func TestARequestThatDoesNotEndIsCutOff(t *testing.T) {
	in := make(chan struct{})
	r := startRun(t, testSpec(func(context.Context, Parts) (Service, error) {
		return Service{HTTP: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			close(in)
			<-r.Context().Done()
		})}, nil
	}), Options{DrainTimeout: 400 * time.Millisecond})
	r.waitStarted()
	go r.get("/")
	<-in
	begin := time.Now()
	r.end()
	err := r.waitStopped()
	require.ErrorContains(t, err, "stop HTTP")
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Less(t, time.Since(begin), requestTimeout, "it did not wait for the request's own end")
}

// deafTransport is a transport to a broker that answers nobody.
type deafTransport struct{ bus.Transport }

func (deafTransport) Send(_ context.Context, _ *bus.Message, done func(error)) {
	done(bus.ErrUnreachable)
}

// TestWhatCannotBePublishedIsPublishedAtTheNextStart: stopping without a broker
// is orderly, says what is left, and loses nothing.
func TestWhatCannotBePublishedIsPublishedAtTheNextStart(t *testing.T) {
	file := "sqlite:" + filepath.Join(t.TempDir(), "shop.db")
	spec := testSpec(func(_ context.Context, p Parts) (Service, error) {
		return Service{HTTP: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if err := p.Outbox.Transact(r.Context(), func(ctx context.Context, _ *sql.Tx) error {
				return p.Outbox.Publish(ctx, event.New("shop.done", nil).WithSubject("late"))
			}); err != nil {
				w.WriteHeader(http.StatusInternalServerError)
			}
		})}, nil
	})
	broker := membus.New(membus.Config{})
	defer broker.Close()
	first := startRun(t, spec, Options{
		DatabaseURL: file, DrainTimeout: 400 * time.Millisecond, Transport: deafTransport{broker.Connect()},
	})
	first.waitStarted()
	status, _ := first.get("/")
	require.Equal(t, http.StatusOK, status, "the broker is not needed to take a request")
	first.end()
	require.NoError(t, first.waitStopped())
	require.Contains(t, first.log.String(), "events remain in the outbox")

	second := startRun(t, spec, Options{DatabaseURL: file, Transport: broker.Connect()})
	second.waitStarted()
	require.Equal(t, []string{"late"}, published(t, broker, 1))
}
