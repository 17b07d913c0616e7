package demo

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/services/payment/gateway"
)

// output collects what a demo prints. It is safe for concurrent use.
type output struct {
	mu sync.Mutex
	b  strings.Builder
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// everyFate is ten orders of each fate in sixty.
func everyFate() Mix {
	var m Mix
	for f := range m {
		m[f] = 1
	}
	return m
}

// sixty is a demo of every fate that exits.
func sixty(out *output) Config {
	think := time.Millisecond
	return Config{Orders: 60, Exit: true, Mix: everyFate(), Seed: 1, Think: &think, Out: out, Timeout: 2 * time.Minute}
}

func requireRight(t *testing.T, r *Report, err error, out *output) {
	t.Helper()
	require.NoError(t, err, "%s", out)
	require.True(t, r.OK())
	require.Equal(t, 60, r.Right)
	require.Len(t, r.Fates, int(numFates))
	for _, f := range r.Fates {
		require.Equal(t, 10, f.Right, "%s", f.Fate)
		require.Positive(t, f.P50)
		require.LessOrEqual(t, f.P50, f.P99)
	}
	require.GreaterOrEqual(t, r.Retries, 10, "each late answer is a retry")
	require.Len(t, r.Invariants, 7)
	require.Contains(t, out.String(), "✓ every order ended as it should, and every invariant holds")
}

func TestEveryFateEndsRight(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	out := &output{}
	r, err := Run(t.Context(), nil, sixty(out))
	requireRight(t, r, err, out)
	requireNothingLeft(t)
}

// requireNothingLeft looks into the directory for temporary files.
func requireNothingLeft(t *testing.T) {
	t.Helper()
	left, err := os.ReadDir(os.TempDir())
	require.NoError(t, err)
	require.Empty(t, left)
}

// greedy takes money twice.
type greedy struct{ gateway.Gateway }

func (g greedy) Capture(ctx context.Context, r gateway.CaptureRequest) (gateway.Capture, error) {
	again := r
	again.IdempotencyKey += "-again"
	if _, err := g.Gateway.Capture(ctx, again); err != nil {
		return gateway.Capture{}, err
	}
	return g.Gateway.Capture(ctx, r)
}

func TestAGatewayThatTakesMoneyTwiceIsFound(t *testing.T) {
	out := &output{}
	cfg := sixty(out)
	cfg.Orders, cfg.Mix, cfg.checkLimit = 5, Mix{Approved: 1}, 100*time.Millisecond
	cfg.wrapGateway = func(g gateway.Gateway) gateway.Gateway { return greedy{g} }
	r, err := Run(t.Context(), nil, cfg)
	require.ErrorIs(t, err, ErrFailed)
	require.Equal(t, "1 invariant is broken", r.Failure())
	require.Regexp(t, `(?m)^  ✗ captured − refunded = shipped .*\n      order \w{26}: 2 captures of [\d.,]+ in all, 0\.00 refunded; [\d.,]+ is due$`, out.String())
	require.Contains(t, out.String(), "✗ 1 invariant is broken")
}

// misspelling writes a type wrong.
type misspelling struct {
	bus.Transport
	right, wrong string
}

func (m misspelling) Send(ctx context.Context, msg *bus.Message, done func(error)) {
	if msg.Event.Type == m.right {
		msg.Event.Type, msg.RoutingKey = m.wrong, m.wrong
	}
	m.Transport.Send(ctx, msg, done)
}

func TestAMisspeltTypeIsFound(t *testing.T) {
	if testing.Short() {
		t.Skip("it waits for an order that does not end")
	}
	out := &output{}
	cfg := sixty(out)
	cfg.Orders, cfg.Mix, cfg.Timeout, cfg.checkLimit = 3, Mix{Approved: 1}, 4*time.Second, 100*time.Millisecond
	cfg.wrapTransport = func(service string, transport bus.Transport) bus.Transport {
		if service != "payment" {
			return transport
		}
		return misspelling{transport, "payment.confirmed", "payment.confrimed"}
	}
	r, err := Run(t.Context(), nil, cfg)
	require.ErrorIs(t, err, ErrFailed)
	require.Equal(t, 3, r.Fates[0].Open)
	text := out.String()
	require.Regexp(t, `! payment emitted "payment.confrimed" \(order \w{6}\), which no service listens to`, text)
	require.Contains(t, text, `      3× "payment.confrimed" was emitted, which no service listens to`)
	require.Regexp(t, `✗ order \w{26} \(approved\): still open; stock.confirmed came [\d.]+ s ago; payment owes payment.confirmed or payment.rejected`, text)
	require.Contains(t, text, "✗ 3 of 3 orders did not end right, and 1 invariant is broken")
}

// broken is a gateway that gives no money back.
type broken struct{ gateway.Gateway }

func (broken) Refund(context.Context, gateway.RefundRequest) (gateway.Refund, error) {
	return gateway.Refund{}, &gateway.Declined{Reason: "no money left"}
}

func TestWhatIsParkedIsFound(t *testing.T) {
	if testing.Short() {
		t.Skip("it waits for an order that does not end")
	}
	out := &output{}
	cfg := sixty(out)
	cfg.Orders, cfg.Mix, cfg.Timeout, cfg.checkLimit = 1, Mix{Undeliverable: 1}, 4*time.Second, 100*time.Millisecond
	cfg.wrapGateway = func(g gateway.Gateway) gateway.Gateway { return broken{g} }
	_, err := Run(t.Context(), nil, cfg)
	require.ErrorIs(t, err, ErrFailed)
	text := out.String()
	require.Regexp(t, `✗ nothing parked, unrouted or lost\s+payment parked delivery.failed of order \w{26}: refund capture .*no money left`, text)
	require.Regexp(t, `still open; .*payment owes refund.processed`, text)
	require.Regexp(t, `the services' last complaints.*\n.*level=ERROR.*a message is parked`, text)
}

func TestOutputInLines(t *testing.T) {
	if testing.Short() {
		t.Skip("its orders come one after the other")
	}
	out := &output{}
	cfg := sixty(out)
	cfg.Orders, cfg.Concurrency = 12, 1 // one after the other: the same order each time
	cfg.Mix[Canceled] = 0               // how these end is a matter of time
	cfg.ObserverListen = "127.0.0.1:0"  // the usual port may be taken or not, which shows
	_, err := Run(t.Context(), nil, cfg)
	require.NoError(t, err, "%s", out)
	golden(t, "output.txt", mask(out.String()))
}

// TestHowToAskTheObserver: where it has the usual port nothing is to be set.
func TestHowToAskTheObserver(t *testing.T) {
	usual, other := &watcher{address: "http://127.0.0.1:7070"}, &watcher{address: "http://127.0.0.1:7071"}
	require.Equal(t, "laban flows list --status stalled, laban where KEY", usual.terminal())
	require.Equal(t, "export LABAN_OBSERVER=http://127.0.0.1:7071; laban flows list --status stalled, laban where KEY", other.terminal())
}

// mask replaces what differs from run to run.
func mask(text string) string {
	for _, m := range [][2]string{
		{`(?m)^.*── .*\n`, ""}, // progress
		{`(?m)^ *\d+\.\d{3}s  \w{6}  `, "   S.SSSs  XXXXXX  "},
		{` +\d+(\.\d+)? (ms|s)( |$|\n|,)`, " T$3"},
		{`in \d+\.\d s, \d+\.\d orders/s`, "in T, N orders/s"},
		{`in T, \d+\.\d orders/s`, "in T, N orders/s"},
		{`\d+ retr(y|ies)`, "N retries"},
		{`stock back → refunded`, "refunded → stock back"}, // neither waits for the other
		{`peak memory \d+ MiB`, "peak memory N MiB"},
		{`127\.0\.0\.1:\d+`, "127.0.0.1:PORT"},
	} {
		text = regexp.MustCompile(m[0]).ReplaceAllString(text, m[1])
	}
	return text
}

// running is a demo that runs beside its test.
type running struct {
	out    *output
	stop   chan struct{}
	cancel context.CancelFunc
	api    string
	report *Report
	err    error
	ended  chan struct{}
}

var apiLine = regexp.MustCompile(`order API {2}(http://\S+)`)

// start starts a demo and returns when its API answers.
func start(t *testing.T, cfg Config) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	d := &running{out: &output{}, stop: make(chan struct{}), cancel: cancel, ended: make(chan struct{})}
	cfg.Out = d.out
	go func() {
		defer close(d.ended)
		d.report, d.err = Run(ctx, d.stop, cfg)
	}()
	t.Cleanup(func() {
		cancel()
		<-d.ended
		http.DefaultClient.CloseIdleConnections()
	})
	require.Eventually(t, func() bool {
		m := apiLine.FindStringSubmatch(d.out.String())
		if m == nil {
			return false
		}
		d.api = m[1]
		answer, err := http.Get(d.api + "/readyz")
		if err != nil {
			return false
		}
		_ = answer.Body.Close()
		return answer.StatusCode == http.StatusOK
	}, 20*time.Second, 10*time.Millisecond)
	return d
}

func (d *running) wait(t *testing.T) {
	t.Helper()
	select {
	case <-d.ended:
	case <-time.After(30 * time.Second):
		t.Fatalf("the demo does not end:\n%s", d.out)
	}
}

func (d *running) eventually(t *testing.T, pattern string) {
	t.Helper()
	re := regexp.MustCompile(pattern)
	require.Eventually(t, func() bool { return re.MatchString(d.out.String()) }, 20*time.Second, 10*time.Millisecond, "%s\n%s", pattern, d.out)
}

func TestStoppingDrains(t *testing.T) {
	rate, think := 3.0, 20*time.Millisecond
	d := start(t, Config{Rate: &rate, Think: &think, Seed: 2})
	d.eventually(t, `(?m)shipped$`)
	close(d.stop)
	d.wait(t)
	require.NoError(t, d.err, "%s", d.out)
	require.Positive(t, d.report.Orders)
	require.Equal(t, d.report.Orders, d.report.Right)
}

func TestBeingCutOffEndsAtOnce(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	think := time.Minute
	d := start(t, Config{Think: &think, Orders: 100, Exit: true})
	begin := time.Now()
	d.cancel()
	d.wait(t)
	require.ErrorIs(t, d.err, ErrCutOff)
	require.Less(t, time.Since(begin), 30*time.Second, "no order is waited for")
	requireNothingLeft(t)
}

func TestOrdersByHandAreFollowedWhileTheAPIStaysUp(t *testing.T) {
	think := time.Millisecond
	d := start(t, Config{Orders: 3, Mix: Mix{Approved: 1}, Think: &think})
	d.eventually(t, `(?s)(shipped.*){3}`)
	answer, err := http.Post(d.api+"/orders", "application/json", strings.NewReader(
		`{"customer_email":"ada@example.com","items":[{"sku":"mug","quantity":1,"unit_price":1250}],"currency":"EUR","ship_to":"12 Mill Lane","payment_token":"tok_declined"}`))
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	require.Equal(t, http.StatusCreated, answer.StatusCode)
	d.eventually(t, `yours .* placed → in stock → not paid → stock back`)
	close(d.stop)
	d.wait(t)
	require.NoError(t, d.err, "%s", d.out)
	require.Equal(t, 4, d.report.Right)
	require.Equal(t, Yours, d.report.Fates[1].Fate)
}

func TestDatabasesAndLogAreKept(t *testing.T) {
	dir := t.TempDir()
	out := &output{}
	cfg := sixty(out)
	cfg.Orders, cfg.Keep, cfg.LogFile = 3, filepath.Join(dir, "kept"), filepath.Join(dir, "log")
	_, err := Run(t.Context(), nil, cfg)
	require.NoError(t, err, "%s", out)
	for _, service := range []string{"order", "inventory", "payment", "delivery", "notification"} {
		require.FileExists(t, filepath.Join(dir, "kept", service+".db"))
	}
	log, err := os.ReadFile(cfg.LogFile)
	require.NoError(t, err)
	require.Contains(t, string(log), "service=delivery")
	require.NotContains(t, string(log), "tok_", "payment tokens are no business of logs")
	require.NotContains(t, out.String(), "level=")
}

func TestAPortThatIsTakenIsSaid(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	_, err = Run(t.Context(), nil, Config{Listen: l.Addr().String(), Out: &output{}})
	require.ErrorContains(t, err, "--listen "+l.Addr().String())
	require.ErrorContains(t, err, "is another demo running?")
}

// full is a terminal that is gone, or a disk that is full.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left") }

func TestOutputThatFailsEndsTheDemo(t *testing.T) {
	_, err := Run(t.Context(), nil, Config{Out: full{}})
	require.ErrorContains(t, err, "print: no space left")
}

func TestAServiceThatCantWorkEndsTheDemo(t *testing.T) {
	cfg := sixty(&output{})
	cfg.wrapTransport = func(service string, transport bus.Transport) bus.Transport {
		if service != "delivery" {
			return transport
		}
		return unusable{transport}
	}
	_, err := Run(t.Context(), nil, cfg)
	require.ErrorContains(t, err, "service delivery: the bus: the queue is of another kind")
}

// unusable is a transport that nothing can be consumed from.
type unusable struct{ bus.Transport }

func (unusable) Consume(context.Context, bus.Subscription) error {
	return fmt.Errorf("the queue is of another kind")
}
