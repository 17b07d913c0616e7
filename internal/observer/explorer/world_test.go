package explorer_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/observer"
	"github.com/laban-io/laban/internal/observer/api"
	"github.com/laban-io/laban/internal/observer/explorer"
	"github.com/laban-io/laban/internal/observer/observertest"
	"github.com/laban-io/laban/pkg/choreography"
	"github.com/laban-io/laban/pkg/flow"
	"github.com/laban-io/laban/services"
)

// world is an observer of orders, and the pages that show what it knows.
type world struct {
	*observertest.World
	t       testing.TB
	handler http.Handler
	stuck   string // the id of the event that payment has parked in the story
}

const token = "a token of the tests"

// newWorld has the order contract in force, or none; with a token, or without.
func newWorld(t testing.TB, contract bool, secret string, change ...func(*world, *explorer.Config)) *world {
	t.Helper()
	var contracts []*choreography.Choreography
	if contract {
		order, err := services.Order()
		require.NoError(t, err)
		contracts = append(contracts, order)
	}
	w := &world{World: observertest.New(t, contracts...), t: t}
	w.InHand = 100 * time.Millisecond
	w.Set(func(s *observer.Status) {
		s.Started = time.Now().Add(-time.Hour)
		s.Services[0].Emits = []string{"payment.confirmed", "money.found"}
		s.Evidence = append(s.Evidence, observer.EvidenceStatus{Source: "management", Detail: "no address of it is known"})
	})
	quiet := slog.New(slog.DiscardHandler)
	cfg := explorer.Config{
		Reader: w.Ledger, Observer: w, Login: secret != "", Log: quiet,
		Links: explorer.Links{Jaeger: "https://jaeger.example/trace/{trace_id}", Grafana: "https://grafana.example/d/flow?var-flow={flow_id}"},
	}
	for _, c := range change {
		c(w, &cfg)
	}
	pages, err := explorer.New(cfg)
	require.NoError(t, err)
	t.Cleanup(pages.Close)
	w.handler, err = api.New(api.Config{Reader: w.Ledger, Observer: w, Pages: pages, Token: secret, Log: quiet})
	require.NoError(t, err)
	return w
}

// Status is that of an observer which has pulsed just now.
func (w *world) Status() observer.Status {
	s := w.World.Status()
	s.Log.LastPulse = time.Now()
	return s
}

// rules puts one more contract in force.
func (w *world) rules(text string) {
	w.t.Helper()
	c, err := choreography.Parse("test.yaml", []byte(text))
	require.NoError(w.t, err)
	w.Rules(c)
}

func (w *world) park(key, id, why string) {
	w.Fail(flow.Failure{EventID: id, Type: "stock.confirmed", FlowID: "F" + key, Key: key, Service: "payment", Parked: true, Attempt: 5, Of: 5, Error: why})
}

// story is an order of each fate: 1 completed, 2 waits for the payment which is
// parked, 3 was undone, 4 goes on.
func (w *world) story() {
	w.Chain("1", "order.placed", "stock.confirmed", "payment.confirmed", "order.shipped")
	w.stuck = w.Chain("2", "order.placed", "stock.confirmed")
	w.park("2", w.stuck, "card 4711: the gateway refuses")
	rejected := w.Chain("3", "order.placed", "stock.confirmed", "payment.rejected")
	w.Event("3", "stock.returned", rejected)
	w.Pulse(40 * time.Second)
	w.Chain("4", "order.placed")
	w.Commit()
}

// get asks for a page, as a browser on this host.
func (w *world) get(path string, change ...func(*http.Request)) (answer, string) {
	w.t.Helper()
	r := httptest.NewRequestWithContext(w.t.Context(), http.MethodGet, "http://localhost"+path, http.NoBody)
	r.RemoteAddr = "127.0.0.1:4242"
	r.Header.Set("Accept", "text/html")
	for _, c := range change {
		c(r)
	}
	return w.do(r)
}

// answer is what came beside the body.
type answer struct {
	StatusCode int
	Header     http.Header
	cookies    []*http.Cookie
}

func (w *world) do(r *http.Request) (got answer, body string) {
	w.t.Helper()
	out := httptest.NewRecorder()
	w.handler.ServeHTTP(out, r)
	response := out.Result()
	defer response.Body.Close()
	read, err := io.ReadAll(response.Body)
	require.NoError(w.t, err)
	return answer{response.StatusCode, response.Header, response.Cookies()}, string(read)
}
