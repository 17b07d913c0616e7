package outbox_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/database"
	"github.com/laban-io/laban/internal/testenv"
	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
	"github.com/laban-io/laban/pkg/outbox"
)

// patience is how long a test waits for what must happen.
const patience = 20 * time.Second

// onEach runs a test on both databases.
func onEach(t *testing.T, test func(t *testing.T, db testDB)) {
	t.Run("SQLite", func(t *testing.T) { test(t, openDB(t, "sqlite::memory:")) })
	t.Run("PostgreSQL", func(t *testing.T) { test(t, openDB(t, testenv.PostgreSQL(t))) })
}

// testDB is a database with the tables of an outbox, and one of a service.
type testDB struct {
	*sql.DB
	dialect outbox.Dialect
	url     string
}

func openDB(t testing.TB, url string, opts ...database.Option) testDB {
	t.Helper()
	db, dialect, err := database.Open(context.Background(), url, opts...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	ob, err := outbox.New(db, dialect, newSender(t, &broker{}), outbox.Config{})
	require.NoError(t, err)
	require.NoError(t, ob.Migrate(context.Background()))
	_, err = db.Exec("CREATE TABLE effects (id TEXT NOT NULL)")
	require.NoError(t, err)
	return testDB{db, dialect, url}
}

// newOutbox returns an outbox in db whose events go to b.
func (db testDB) newOutbox(t testing.TB, b *broker, cfg outbox.Config, hooks ...bus.Hook) *outbox.Outbox {
	t.Helper()
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	ob, err := outbox.New(db.DB, db.dialect, newSender(t, b, hooks...), cfg)
	require.NoError(t, err)
	return ob
}

func newSender(t testing.TB, b *broker, hooks ...bus.Hook) *bus.Bus {
	t.Helper()
	s, err := bus.New(bus.Config{Service: "shop", Version: "1.2.3", Hooks: hooks}, b)
	require.NoError(t, err)
	return s
}

// run runs the relay until the test ends, or stop is called.
func run(t testing.TB, ob *outbox.Outbox) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- ob.Run(ctx) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			select {
			case err := <-ended:
				require.NoError(t, err)
			case <-time.After(patience):
				t.Error("the relay did not stop")
			}
		})
	}
	t.Cleanup(stop)
	return stop
}

// publish stores events in a transaction of their own.
func publish(t testing.TB, ob *outbox.Outbox, events ...event.Event) {
	t.Helper()
	require.NoError(t, store(ob, events...))
}

func store(ob *outbox.Outbox, events ...event.Event) error {
	return ob.Transact(context.Background(), func(ctx context.Context, _ *sql.Tx) error {
		return ob.Publish(ctx, events...)
	})
}

func (db testDB) count(t testing.TB, query string, args ...any) int {
	t.Helper()
	var n int
	require.NoError(t, db.QueryRow(query, args...).Scan(&n))
	return n
}

// broker is a transport that notes what it is sent and answers as it is told.
type broker struct {
	// answer says how to answer the n-th message sent, n from 0. Without it all
	// are confirmed.
	answer func(n int, m *bus.Message) reply

	mu      sync.Mutex
	n       int
	arrived []bus.Message
}

// reply is what becomes of a message.
type reply struct {
	err  error           // nil confirms it
	lost bool            // it does not arrive, whatever the answer
	wait <-chan struct{} // the answer comes after this, or when the context ends
}

func (b *broker) Send(ctx context.Context, m *bus.Message, done func(error)) {
	b.mu.Lock()
	var r reply
	if b.answer != nil {
		r = b.answer(b.n, m)
	}
	b.n++
	if !r.lost && (r.err == nil || errors.Is(r.err, bus.ErrUnconfirmed)) {
		b.arrived = append(b.arrived, *m)
	}
	b.mu.Unlock()
	if r.wait == nil {
		done(r.err)
		return
	}
	go func() {
		select {
		case <-r.wait:
			done(r.err)
		case <-ctx.Done():
			done(errors.Join(bus.ErrUnconfirmed, ctx.Err()))
		}
	}()
}

// ids returns the ids of what arrived, in order.
func (b *broker) ids() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	ids := make([]string, len(b.arrived))
	for i, m := range b.arrived {
		ids[i] = m.Event.ID
	}
	return ids
}

func (b *broker) messages() []bus.Message {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]bus.Message(nil), b.arrived...)
}

// calls returns how often Send was called.
func (b *broker) calls() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.n
}

func (b *broker) SendToLog(context.Context, *bus.Message) error   { return bus.ErrClosed }
func (b *broker) Consume(context.Context, bus.Subscription) error { return bus.ErrClosed }
func (b *broker) Tail(context.Context, bus.Position, func(bus.LogRecord) error) error {
	return bus.ErrClosed
}
func (b *broker) Info() *bus.Info             { return &bus.Info{System: "fake", Exchange: "events"} }
func (b *broker) Ready() error                { return nil }
func (b *broker) Close(context.Context) error { return nil }

// evt returns an event with an id of its own, in the order of key.
func evt(id, key string) event.Event {
	e := event.New("thing.done", map[string]string{"id": id})
	e.ID, e.Subject = id, key
	return e
}

// pgURL returns the address of a fresh PostgreSQL database.
func pgURL(t testing.TB) string { return testenv.PostgreSQL(t) }

// logLines is a log in memory.
type logLines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logLines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logLines) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

// count returns how many lines have all of the words.
func (l *logLines) count(words ...string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
lines:
	for line := range strings.Lines(l.text.String()) {
		for _, word := range words {
			if !strings.Contains(line, word) {
				continue lines
			}
		}
		n++
	}
	return n
}
