package order

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/chassis"
	"github.com/laban-io/laban/internal/testenv"
	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
	"github.com/laban-io/laban/pkg/membus"
	"github.com/laban-io/laban/pkg/tracing"
)

// waitFor bounds every wait, tick is how often is looked.
const waitFor, tick = 10 * time.Second, 5 * time.Millisecond

// onEachDatabase runs a test on SQLite and on PostgreSQL.
func onEachDatabase(t *testing.T, test func(t *testing.T, url string)) {
	t.Run("SQLite", func(t *testing.T) { test(t, "sqlite::memory:") })
	t.Run("PostgreSQL", func(t *testing.T) { test(t, testenv.PostgreSQL(t)) })
}

// shop is a running order service, its HTTP API and the other services' side of
// the broker.
type shop struct {
	t      *testing.T
	url    string
	client *http.Client
	parts  chassis.Parts
	log    *logBuffer

	others *bus.Bus // publishes what the other services would
	mu     sync.Mutex
	events []event.Event // that order has published
}

// shopOptions adjust a shop.
type shopOptions struct {
	telemetry *tracing.Telemetry
	traceSQL  bool
}

// openShop starts the service on the database at url, and stops it at the end
// of the test, which fails unless it stops cleanly.
func openShop(t *testing.T, url string, o shopOptions) *shop {
	t.Helper()
	broker := membus.New(membus.Config{})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := &shop{
		t:      t,
		url:    "http://" + listener.Addr().String(),
		client: &http.Client{Transport: &http.Transport{}, Timeout: 20 * time.Second},
		log:    &logBuffer{},
	}
	s.others, err = bus.New(bus.Config{Service: "others", Logger: slog.New(slog.DiscardHandler)}, broker.Connect())
	require.NoError(t, err)

	ctx, cancel := context.WithCancel(context.Background())
	started, stopped := make(chan struct{}), make(chan error, 1)
	go func() {
		stopped <- chassis.Run(ctx, Spec(), chassis.Options{
			Transport:   broker.Connect(),
			DatabaseURL: url,
			Listener:    listener,
			Version:     "1.2.3",
			Telemetry:   o.telemetry,
			TraceSQL:    o.traceSQL,
			Logger:      slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
			RetryLevels: []time.Duration{time.Millisecond, 5 * time.Millisecond},
			OnConsuming: func(p chassis.Parts) { s.parts = p; close(started) },
		})
	}()
	tailed := make(chan error, 1)
	go func() { tailed <- broker.Connect().Tail(ctx, bus.First(), s.record) }()
	t.Cleanup(func() {
		s.client.CloseIdleConnections()
		cancel()
		require.NoError(t, <-stopped)
		require.NoError(t, <-tailed)
		broker.Close()
	})
	select {
	case <-started:
	case err := <-stopped:
		stopped <- err
		t.Fatalf("the service ended: %v\n%s", err, s.log)
	case <-time.After(30 * time.Second):
		t.Fatalf("the service did not start:\n%s", s.log)
	}
	return s
}

// record notes what order publishes.
func (s *shop) record(r bus.LogRecord) error {
	if r.Kind == bus.RecordEvent && r.Event.Source == Name {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.events = append(s.events, r.Event)
	}
	return nil
}

// published waits until order has published n events of a type about an order,
// and returns them. That there are no more is for the caller to see, once
// something later has been published.
func (s *shop) published(orderID, eventType string, n int) []event.Event {
	s.t.Helper()
	var found []event.Event
	require.Eventually(s.t, func() bool {
		found = s.publishedNow(orderID, eventType)
		return len(found) >= n
	}, waitFor, tick, "order publishes %d %s", n, eventType)
	require.Len(s.t, found, n)
	return found
}

func (s *shop) publishedNow(orderID, eventType string) []event.Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []event.Event
	for _, e := range s.events {
		if e.Type == eventType && (orderID == "" || e.Subject == orderID) {
			found = append(found, e)
		}
	}
	return found
}

// tell publishes a fact of another service about an order, and returns when it
// shows in the order's history.
func (s *shop) tell(orderID, eventType string, data map[string]any) {
	s.t.Helper()
	before := len(s.get(orderID).History)
	all := map[string]any{"order_id": orderID, "customer_email": "ada@example.com"}
	maps.Copy(all, data)
	require.NoError(s.t, s.others.Publish(s.t.Context(), event.New(eventType, all).WithSubject(orderID)))
	require.Eventually(s.t, func() bool { return len(s.get(orderID).History) == before+1 },
		waitFor, tick, "%s shows in the history", eventType)
}

// answer is a response that was read.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// do sends a request with a body of JSON, or none.
func (s *shop) do(method, path string, body any, header ...string) answer {
	s.t.Helper()
	a, err := s.try(method, path, body, header...)
	require.NoError(s.t, err)
	return a
}

// try is do for goroutines other than the test's own.
func (s *shop) try(method, path string, body any, header ...string) (answer, error) {
	var reader io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		reader = strings.NewReader(b)
	default:
		text, err := json.Marshal(b)
		if err != nil {
			return answer{}, err
		}
		reader = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, reader)
	if err != nil {
		return answer{}, err
	}
	if reader != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := s.client.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return answer{status: res.StatusCode, header: res.Header, body: text}, err
}

// place places a good order.
func (s *shop) place(header ...string) Order {
	s.t.Helper()
	a := s.do(http.MethodPost, "/orders", goodOrder(), header...)
	require.Equal(s.t, http.StatusCreated, a.status, "%s", a.body)
	return decode[Order](s.t, a)
}

func (s *shop) get(id string) Order {
	s.t.Helper()
	a := s.do(http.MethodGet, "/orders/"+id, nil)
	require.Equal(s.t, http.StatusOK, a.status, "%s", a.body)
	return decode[Order](s.t, a)
}

func decode[T any](t *testing.T, a answer) T {
	t.Helper()
	var v T
	require.NoError(t, json.Unmarshal(a.body, &v), "%s", a.body)
	return v
}

// requireProblem checks that an answer is an RFC 9457 problem with a status.
func requireProblem(t *testing.T, a answer, status int) problem {
	t.Helper()
	require.Equal(t, status, a.status, "%s", a.body)
	require.Equal(t, "application/problem+json", a.header.Get("Content-Type"))
	p := decode[problem](t, a)
	require.Equal(t, status, p.Status)
	require.Equal(t, http.StatusText(status), p.Title)
	require.NotEmpty(t, p.Detail)
	return p
}

const goodToken = "tok_approved-4242"

// goodOrder is a request that is accepted: two mugs and a lamp, 37.48 euros.
func goodOrder() map[string]any {
	return map[string]any{
		"customer_email": "ada@example.com",
		"items": []any{
			map[string]any{"sku": "mug", "quantity": 2, "unit_price": 1250},
			map[string]any{"sku": "lamp", "quantity": 1, "unit_price": 1248},
		},
		"currency":      "EUR",
		"ship_to":       "12 Mill Lane, Cambridge",
		"payment_token": goodToken,
	}
}

// with returns a good order with one field changed; nil removes it.
func with(field string, value any) map[string]any {
	o := goodOrder()
	o[field] = value
	if value == nil {
		delete(o, field)
	}
	return o
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

var _ fmt.Stringer = (*logBuffer)(nil)
