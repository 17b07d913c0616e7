package explorer_test

import (
	"context"
	"errors"
	"html"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/ledger"
	"github.com/laban-io/laban/internal/observer"
	"github.com/laban-io/laban/internal/observer/api"
	"github.com/laban-io/laban/internal/observer/explorer"
	"github.com/laban-io/laban/internal/parked"
	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
	"github.com/laban-io/laban/pkg/membus"
)

// till is a service that parks what it is sent until it is mended, on a broker in
// memory, and the desk for what it has parked.
type till struct {
	desk   *parked.Desk
	broker *membus.Broker

	mu     sync.Mutex
	mended bool
	why    string
	took   []event.Event
}

// withTill gives the pages of a world a desk.
func withTill(t *testing.T, change ...func(*explorer.Config)) (*till, func(*world, *explorer.Config)) {
	t.Helper()
	s := &till{broker: membus.New(membus.Config{}), why: "card 4711: the gateway refuses"}
	t.Cleanup(s.broker.Close)
	b, err := bus.New(bus.Config{Service: "payment", Logger: slog.New(slog.DiscardHandler), RetryLevels: []time.Duration{}, MaxAttempts: 1}, s.broker.Connect())
	require.NoError(t, err)
	b.HandleFunc(s.handle, "stock.confirmed")
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- b.Run(ctx) }()
	t.Cleanup(func() { stop(); require.NoError(t, <-ended) })
	<-b.Consuming()
	return s, func(w *world, cfg *explorer.Config) {
		narrator, err := api.NewNarrator(api.Config{Reader: cfg.Reader, Observer: w})
		require.NoError(t, err)
		s.desk, err = parked.New(parked.Config{Store: parked.NewMemory(s.broker), Flows: told{narrator}})
		require.NoError(t, err)
		cfg.Desk = s.desk
		for _, c := range change {
			c(cfg)
		}
	}
}

// told answers for the ledger.
type told struct{ narrator *api.Narrator }

func (f told) Flow(ctx context.Context, choreography, id string) (*api.Detail, error) {
	d, err := f.narrator.Flow(ctx, choreography, id)
	if errors.Is(err, ledger.ErrNotFound) {
		return nil, nil //nolint:nilnil // as parked.Flows says
	}
	if err != nil {
		return nil, err
	}
	return &d.Detail, nil
}

func (s *till) handle(_ context.Context, e event.Event) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.mended {
		return bus.Permanent(errors.New(s.why))
	}
	s.took = append(s.took, e)
	return nil
}

func (s *till) mend() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mended = true
}

// received are the ids of what was processed.
func (s *till) received() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	ids := []string{}
	for i := range s.took {
		ids = append(ids, s.took[i].ID)
	}
	return ids
}

// park has the service park the message of an order.
func (s *till) park(t *testing.T, key, id string, change ...func(*bus.Message)) {
	t.Helper()
	before := len(s.broker.Held(membus.ParkedShelf("payment"), 0))
	e := event.New("stock.confirmed", map[string]string{"order": key, "card": "4711"}).WithSubject(key)
	e.ID, e.Source, e.Time, e.FlowName, e.FlowID = id, "inventory", time.Now(), "order", "F"+key
	m := bus.Message{Event: e, RoutingKey: e.Type}
	m.SetHeader("x-shop", "7")
	for _, c := range change {
		c(&m)
	}
	transport := s.broker.Connect()
	m.Info = transport.Info()
	sent := make(chan error, 1)
	transport.Send(t.Context(), &m, func(err error) { sent <- err })
	require.NoError(t, <-sent)
	require.Eventually(t, func() bool { return len(s.broker.Held(membus.ParkedShelf("payment"), 0)) == before+1 }, patience, time.Millisecond)
}

// troubled is a world of which payment has parked two messages: that of order 2,
// which waits for it, and that of order 1, which has completed without.
func troubled(t *testing.T, change ...func(*explorer.Config)) (*world, *till) {
	t.Helper()
	s, desk := withTill(t, change...)
	w := newWorld(t, true, "", desk)
	w.story()
	d, err := w.Ledger.Flow(t.Context(), "order", "F1")
	require.NoError(t, err)
	s.park(t, "1", d.Events[1].Record.ID)
	s.park(t, "2", w.stuck)
	return w, s
}

// form posts what a page's own form would.
func (w *world) form(path string, values url.Values, change ...func(*http.Request)) (answer, string) {
	w.t.Helper()
	r := httptest.NewRequestWithContext(w.t.Context(), http.MethodPost, "http://localhost"+path, strings.NewReader(values.Encode()))
	r.RemoteAddr = "127.0.0.1:4242"
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", "http://localhost")
	for _, c := range change {
		c(r)
	}
	return w.do(r)
}

// fields are the values of a page's inputs with a name.
func fields(body, name string) []string {
	all := []string{}
	for _, found := range regexp.MustCompile(`name="`+name+`" value="([^"]*)"`).FindAllStringSubmatch(body, -1) {
		all = append(all, html.UnescapeString(found[1]))
	}
	return all
}

// group is where the first group of the page leads for an order.
func (w *world) group(what string) string {
	w.t.Helper()
	_, body := w.get("/parked")
	return "/parked/preview?what=" + what + "&g=" + firstMatch(w.t, body, `name="g" value="([^"]+)"`)
}

func TestSendingAgain(t *testing.T) {
	w, s := troubled(t)
	_, body := w.get("/parked")
	require.Contains(t, body, "<strong>2</strong> ×")
	require.Contains(t, body, "1 completed, 1 stalled")
	require.Contains(t, body, "card 4711: the gateway refuses")
	require.Contains(t, body, "x-shop", "an example has its headers")
	require.Contains(t, body, "{&#34;card&#34;:&#34;4711&#34;,&#34;order&#34;:&#34;2&#34;}", "and its payload")

	_, journey := w.get("/flows/F2")
	_, body = w.get(firstMatch(t, journey, `<a class="button primary" href="([^"]+)">Send it again`))
	require.Len(t, fields(body, "m"), 1, "that of this order only")
	require.Contains(t, body, "order 2 still waits for it")

	_, body = w.get(w.group("redrive"))
	chosen, refused := fields(body, "m"), fields(body, "force")
	require.Len(t, chosen, 1)
	require.Len(t, refused, 1)
	require.Contains(t, body, "order 2 still waits for it")
	require.Contains(t, body, "order 1 has moved on: payment has answered with payment.confirmed")
	require.Empty(t, s.received(), "looking changes nothing")

	s.mend()
	secret := fields(body, "secret")[0]
	order := url.Values{"what": {"redrive"}, "secret": {secret}, "m": {chosen[0], refused[0]}, "by": {"ann"}, "reason": {"the gateway\x1b is back"}}
	got, job := w.form("/parked/act", order)
	require.Equal(t, http.StatusSeeOther, got.StatusCode, job)
	got, job = w.get(got.Header.Get("Location"))
	require.Equal(t, http.StatusOK, got.StatusCode)
	require.Contains(t, job, "1 message was sent again")
	require.Contains(t, job, "Left alone: 1", "what is refused takes more than a ticked box")
	require.Contains(t, job, "the gateway\uFFFD is back")
	checkMarkup(t, "job", job)
	require.Eventually(t, func() bool { return len(s.received()) == 1 }, patience, time.Millisecond)
	require.Equal(t, []string{w.stuck}, s.received(), "the same message, once")

	_, body = w.get("/parked")
	require.Contains(t, body, "<strong>1</strong> ×", "what was sent is not there any more")
	got, body = w.get("/parked/preview?what=redrive&m=" + chosen[0])
	require.Equal(t, http.StatusNotFound, got.StatusCode)
	require.Contains(t, body, "not there any more")

	order = url.Values{"what": {"redrive"}, "secret": {secret}, "force": {refused[0]}}
	got, _ = w.form("/parked/act", order)
	_, job = w.get(got.Header.Get("Location"))
	require.Contains(t, job, "1 message was sent again")
	require.Eventually(t, func() bool { return len(s.received()) == 2 }, patience, time.Millisecond)
	_, body = w.get("/parked")
	require.Contains(t, body, "No message is parked")
}

// TestParkedBeforeItsDeadline: nobody has to wait until a flow counts as stalled.
func TestParkedBeforeItsDeadline(t *testing.T) {
	w, _ := troubled(t)
	id := w.Chain("5", "order.placed", "stock.confirmed")
	w.park("5", id, "no such card")
	w.Commit()
	_, journey := w.get("/flows/F5")
	require.Contains(t, journey, "Whose turn it is")
	require.Contains(t, journey, "It has given up on that")
	require.Contains(t, journey, "no such card")
	link := html.UnescapeString(firstMatch(t, journey, `<a class="button primary" href="([^"]+)">Send it again`))
	require.Contains(t, link, "service=payment")
	require.Contains(t, link, "flow=F5")

	earlier := w.Chain("6", "order.placed")
	w.park("6", earlier, "another event of this order's")
	w.Event("6", "stock.confirmed", earlier)
	w.Pulse(time.Second)
	w.Commit()
	_, journey = w.get("/flows/F6")
	require.Contains(t, journey, "Whose turn it is")
	require.NotContains(t, journey, "It has given up on that", "not on what it is to answer now")

	w.Pulse(time.Second)
	w.Batch.Actions = append(w.Batch.Actions, ledger.Action{
		At: w.Now(), Action: "redriven", Actor: "ann", Choreography: "order", FlowID: "F5", Service: "payment", EventID: id, Offset: w.Offset, Logged: true,
	})
	w.Commit()
	_, journey = w.get("/flows/F5")
	require.Contains(t, journey, "Whose turn it is")
	require.NotContains(t, journey, "It has given up on that", "it was sent again")
	w.Pulse(time.Second)
	w.park("5", id, "still no such card")
	w.Commit()
	_, journey = w.get("/flows/F5")
	require.Contains(t, journey, "still no such card")
	require.Contains(t, journey, "It has given up on that")
}

func TestDiscarding(t *testing.T) {
	w, s := troubled(t)
	s.mend()
	_, body := w.get(w.group("discard"))
	require.Contains(t, body, "removed for good")
	all := fields(body, "m")
	require.Len(t, all, 2)
	order := url.Values{"what": {"discard"}, "secret": fields(body, "secret"), "m": all, "offered": all, "by": {"ann"}}
	got, body := w.form("/parked/act", order)
	require.Equal(t, http.StatusUnprocessableEntity, got.StatusCode)
	require.Contains(t, body, "Say why they are discarded")
	require.Equal(t, all, fields(body, "m"), "the order is still there")

	order.Set("reason", "paid by hand")
	got, _ = w.form("/parked/act", order)
	_, job := w.get(got.Header.Get("Location"))
	require.Contains(t, job, "2 messages were discarded")
	_, body = w.get("/parked")
	require.Contains(t, body, "No message is parked")
	require.Empty(t, s.received())
}

// TestNobodyElseActs: an order needs the secret of this process, and must not
// come from another site, whatever else it has.
func TestNobodyElseActs(t *testing.T) {
	w, s := troubled(t)
	s.mend()
	_, body := w.get(w.group("redrive"))
	order := url.Values{"what": {"redrive"}, "secret": fields(body, "secret"), "m": fields(body, "m")}
	with := func(name, value string) url.Values {
		changed := url.Values{}
		for k, v := range order {
			changed[k] = v
		}
		changed.Set(name, value)
		return changed
	}
	header := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	for name, try := range map[string]func() (answer, string){
		"no secret":      func() (answer, string) { return w.form("/parked/act", with("secret", "")) },
		"another secret": func() (answer, string) { return w.form("/parked/act", with("secret", "guessed")) },
		"another origin": func() (answer, string) {
			return w.form("/parked/act", order, header("Origin", "https://elsewhere.example"))
		},
		"another site": func() (answer, string) { return w.form("/parked/act", order, header("Sec-Fetch-Site", "cross-site")) },
		"another host": func() (answer, string) {
			return w.form("/parked/act", order, func(r *http.Request) { r.Host = "rebound.example" })
		},
		"from elsewhere": func() (answer, string) {
			return w.form("/parked/act", order, func(r *http.Request) { r.RemoteAddr = "10.0.0.7:1" })
		},
	} {
		got, _ := try()
		require.Equal(t, http.StatusForbidden, got.StatusCode, name)
	}
	got, body := w.form("/parked/act", with("m", ""))
	require.Equal(t, http.StatusSeeOther, got.StatusCode, body)
	_, body = w.get(got.Header.Get("Location"))
	require.Contains(t, body, "0 messages were sent again")
	order.Del("m")
	got, _ = w.form("/parked/act", order)
	require.NotEqual(t, http.StatusSeeOther, got.StatusCode, "nothing was chosen")
	got, _ = w.get("/parked/act")
	require.Equal(t, "/parked", got.Header.Get("Location"), "a reload does nothing")
	require.Empty(t, s.received())
}

func TestActingNeedsTheToken(t *testing.T) {
	s, desk := withTill(t)
	w := newWorld(t, true, token, desk)
	w.story()
	s.park(t, "2", w.stuck)
	got, _ := w.form("/parked/act", url.Values{"what": {"redrive"}})
	require.Equal(t, http.StatusUnauthorized, got.StatusCode)
	got, body := w.get("/parked/preview?what=redrive&g=x")
	require.Equal(t, http.StatusUnauthorized, got.StatusCode)
	require.NotContains(t, body, "stock.confirmed")
}

// TestWhileBlindAllIsRefused: nobody knows whether a flow has gone on.
func TestWhileBlindAllIsRefused(t *testing.T) {
	w, _ := troubled(t)
	w.Set(func(s *observer.Status) { s.Blind = observer.Lagging })
	_, body := w.get(w.group("redrive"))
	require.Empty(t, fields(body, "m"))
	require.Len(t, fields(body, "force"), 2)
	require.Contains(t, body, "The observer is blind")
}

// TestExamplesAreRedacted: what may be a secret is not on the page.
func TestExamplesAreRedacted(t *testing.T) {
	s, desk := withTill(t, func(c *explorer.Config) { c.Redact = observer.Redactor([]string{"/card"}) })
	w := newWorld(t, true, "", desk)
	w.story()
	s.park(t, "2", w.stuck, func(m *bus.Message) { m.SetHeader("X-Auth-Token", "hush"); m.SetHeader("cookie", "hush") })
	_, body := w.get("/parked")
	require.NotContains(t, body, "hush")
	require.Contains(t, body, "X-Auth-Token")
	require.Contains(t, body, "&#34;card&#34;:&#34;[redacted]&#34;")
}

func TestHostileMessagesStayText(t *testing.T) {
	s, desk := withTill(t)
	w := newWorld(t, true, "", desk)
	// What no service on the bus can send at all is in TestHostileTextStaysText.
	sendable := func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\ufffd' {
			return -1
		}
		return r
	}
	for _, text := range hostile() {
		valid := strings.Map(sendable, text)
		s.mu.Lock()
		s.why = valid
		s.mu.Unlock()
		s.park(t, "x", "", func(m *bus.Message) {
			m.Event.ID, m.Event.Subject = event.NewID(), strings.ToValidUTF8(valid[:min(len(valid), 255)], "")
			m.Event.FlowID = strings.ToValidUTF8(valid[:min(len(valid), 64)], "")
			m.Event.Data = []byte(text)
			m.SetHeader("x-note", valid)
		})
	}
	_, body := w.get("/parked")
	checkMarkup(t, "/parked", body)
	require.Contains(t, body, "&lt;script&gt;alert(1)&lt;/script&gt;")
	for _, g := range fields(body, "g") {
		for _, what := range []string{"redrive", "discard"} {
			got, page := w.get("/parked/preview?what=" + what + "&g=" + g)
			require.Equal(t, http.StatusOK, got.StatusCode)
			checkMarkup(t, what, page)
			require.NotContains(t, page, "<script>alert")
		}
	}
}

// brokenDesk is one whose broker does not answer.
type brokenDesk struct{ *parked.Desk }

func (brokenDesk) List(context.Context, parked.Filter, func(parked.Progress)) (*parked.Listing, error) {
	return nil, errors.New("connection refused")
}

// TestWithoutTheBrokerTheLedgerTells: the page shows what the ledger knows, and
// offers nothing that can't be done.
func TestWithoutTheBrokerTheLedgerTells(t *testing.T) {
	w := newWorld(t, true, "", func(_ *world, c *explorer.Config) { c.Desk = brokenDesk{} })
	w.story()
	_, body := w.get("/parked")
	require.Contains(t, body, "connection refused")
	require.Contains(t, body, "<strong>1</strong> ×")
	require.NotContains(t, body, "Send again")
	got, _ := w.get("/parked/preview?what=redrive&g=x")
	require.Equal(t, http.StatusServiceUnavailable, got.StatusCode)
}
