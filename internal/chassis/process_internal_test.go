package chassis

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/membus"
)

// run is a service that runs in a test.
type run struct {
	t       *testing.T
	url     string
	client  *http.Client
	broker  *membus.Broker
	log     *logBuffer
	end     context.CancelFunc
	started chan Parts
	stopped chan error
}

// startRun runs spec over a broker in memory and a temporary database, with
// HTTP. What opts has goes before that.
func startRun(t *testing.T, spec Spec, opts Options) *run {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	r := &run{
		t:       t,
		url:     "http://" + listener.Addr().String(),
		client:  &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 20 * time.Second},
		broker:  membus.New(membus.Config{}),
		log:     &logBuffer{},
		started: make(chan Parts, 1),
		stopped: make(chan error, 1),
	}
	if opts.Transport == nil && opts.openTransport == nil {
		opts.Transport = r.broker.Connect()
	}
	if opts.DatabaseURL == "" {
		opts.DatabaseURL = "sqlite::memory:"
	}
	opts.Listener = listener
	opts.Logger = slog.New(slog.NewTextHandler(r.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	opts.OnConsuming = func(p Parts) { r.started <- p }
	ctx, cancel := context.WithCancel(context.Background())
	r.end = cancel
	go func() { r.stopped <- Run(ctx, spec, opts) }()
	t.Cleanup(func() {
		cancel()
		select {
		case err := <-r.stopped:
			r.stopped <- err
		case <-time.After(30 * time.Second):
			t.Errorf("the service does not stop:\n%s", r.log)
		}
		r.broker.Close()
	})
	return r
}

// waitStarted returns the parts once the service receives events.
func (r *run) waitStarted() Parts {
	r.t.Helper()
	select {
	case p := <-r.started:
		return p
	case err := <-r.stopped:
		r.stopped <- err
		r.t.Fatalf("the service ended: %v\n%s", err, r.log)
	case <-time.After(30 * time.Second):
		r.t.Fatalf("the service did not start:\n%s", r.log)
	}
	return Parts{}
}

// waitStopped returns what Run returned.
func (r *run) waitStopped() error {
	r.t.Helper()
	select {
	case err := <-r.stopped:
		r.stopped <- err
		return err
	case <-time.After(30 * time.Second):
		r.t.Fatalf("the service does not stop:\n%s", r.log)
		return nil
	}
}

// get returns the status and body of a page; 0 where nobody answers.
func (r *run) get(path string) (int, string) {
	res, err := r.client.Get(r.url + path)
	if err != nil {
		return 0, err.Error()
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, err.Error()
	}
	return res.StatusCode, string(text)
}

// readiness is what /readyz says.
func (r *run) readiness() (int, report) {
	status, text := r.get("/readyz")
	var what report
	_ = json.Unmarshal([]byte(text), &what) // where nobody answers it stays empty
	return status, what
}

// spec is a service with one table, one handler and one page.
func testSpec(build func(context.Context, Parts) (Service, error)) Spec {
	return Spec{
		Name:  "shop",
		Emits: []string{"shop.done"},
		Migrations: fstest.MapFS{"00001_shop.sql": &fstest.MapFile{
			Data: []byte("-- +goose Up\nCREATE TABLE visits (what TEXT NOT NULL);\n"),
		}},
		Build: build,
	}
}

// quiet is a service that does nothing.
func quiet(context.Context, Parts) (Service, error) { return Service{}, nil }

// failingTransport is a transport that is not ready while down has an error.
type failingTransport struct {
	bus.Transport
	mu   sync.Mutex
	down error
}

func (f *failingTransport) set(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.down = err
}

func (f *failingTransport) Ready() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.down != nil {
		return f.down
	}
	return f.Transport.Ready()
}

func TestRunRefusesWhatItCannotRun(t *testing.T) {
	for name, c := range map[string]struct {
		spec Spec
		opts Options
		want string
	}{
		"no name":      {Spec{Build: quiet}, Options{Transport: membus.New(membus.Config{}).Connect(), DatabaseURL: "sqlite::memory:"}, "Spec.Name is empty"},
		"no build":     {Spec{Name: "shop"}, Options{Transport: membus.New(membus.Config{}).Connect(), DatabaseURL: "sqlite::memory:"}, "Spec.Build is nil"},
		"no transport": {Spec{Name: "shop", Build: quiet}, Options{DatabaseURL: "sqlite::memory:"}, "Options.Transport is nil"},
		"no database":  {Spec{Name: "shop", Build: quiet}, Options{Transport: membus.New(membus.Config{}).Connect()}, "Options.DatabaseURL is empty"},
	} {
		t.Run(name, func(t *testing.T) {
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			c.opts.Listener = listener
			require.ErrorContains(t, Run(t.Context(), c.spec, c.opts), c.want)
			require.ErrorIs(t, listener.Close(), net.ErrClosed, "Run has closed it")
		})
	}
}

// TestAnErrorWhileStoppingIsReported, but that the work was told to end is none.
func TestAnErrorWhileStoppingIsReported(t *testing.T) {
	for name, c := range map[string]struct {
		end  func(context.Context) error
		want string
	}{
		"an error":    {func(context.Context) error { return errors.New("the till does not add up") }, "the service's own work: the till does not add up"},
		"it was told": {func(ctx context.Context) error { return ctx.Err() }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := startRun(t, testSpec(func(context.Context, Parts) (Service, error) {
				return Service{Run: func(ctx context.Context) error { <-ctx.Done(); return c.end(ctx) }}, nil
			}), Options{})
			r.waitStarted()
			r.end()
			if c.want == "" {
				require.NoError(t, r.waitStopped())
			} else {
				require.ErrorContains(t, r.waitStopped(), c.want)
			}
		})
	}
}

// TestAServiceThatCannotWorkEnds: with its error, and with everything closed,
// which goleak sees.
func TestAServiceThatCannotWorkEnds(t *testing.T) {
	broken := errors.New("out of tea")
	failing := func(context.Context, Parts) (Service, error) { return Service{}, broken }
	for name, c := range map[string]struct {
		spec Spec
		opts Options
		want string
	}{
		"build fails": {testSpec(failing), Options{}, "build service shop: out of tea"},
		"migration fails": {Spec{Name: "shop", Build: quiet, Migrations: fstest.MapFS{"00001_x.sql": &fstest.MapFile{
			Data: []byte("-- +goose Up\nCREATE TABBLE visits (what TEXT);\n")}}}, Options{}, "migrate the database"},
		"database file can't be opened":    {testSpec(quiet), Options{DatabaseURL: "sqlite:/nowhere/at/all.db"}, "/nowhere/at/all.db"},
		"no database URL at all":           {testSpec(quiet), Options{DatabaseURL: "mysql://h/d"}, "not a database URL"},
		"a URL of PostgreSQL that is none": {testSpec(quiet), Options{DatabaseURL: "postgres://shop@db/shop?sslmode=maybe"}, "not a database URL"},
		"own work fails": {testSpec(func(context.Context, Parts) (Service, error) {
			return Service{Run: func(context.Context) error { return broken }}, nil
		}), Options{}, "the service's own work: out of tea"},
		"own work ends": {testSpec(func(context.Context, Parts) (Service, error) {
			return Service{Run: func(context.Context) error { return nil }}, nil
		}), Options{}, "ended by itself"},
		"broker refuses": {testSpec(quiet), Options{openTransport: func(context.Context) (bus.Transport, error) {
			return nil, errors.New("login refused")
		}}, "connect to the broker: login refused"},
		"two handlers of one event": {testSpec(func(_ context.Context, p Parts) (Service, error) {
			p.Bus.HandleFunc(nil, "a")
			p.Bus.HandleFunc(nil, "a")
			return Service{}, nil
		}), Options{}, `"a" has a handler already`},
	} {
		t.Run(name, func(t *testing.T) {
			r := startRun(t, c.spec, c.opts)
			require.ErrorContains(t, r.waitStopped(), c.want)
			status, _ := r.get("/healthz")
			require.Zero(t, status, "nobody listens any more")
		})
	}
}

// logBuffer keeps log lines.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

// String returns what was logged.
func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
