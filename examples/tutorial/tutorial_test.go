package main

import (
	"context"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/laban-io/laban/internal/testenv"
	"github.com/laban-io/laban/pkg/choreography"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// output collects what is printed. It is safe for concurrent use.
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

// nine runs the tutorial with nine orders, of which the third, the sixth and
// the ninth are rejected.
func nine(t *testing.T, change func(*options)) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	out := &output{}
	o := options{listen: "127.0.0.1:0", orders: 9, exit: true, every: 50 * time.Millisecond, out: out}
	change(&o)
	require.NoError(t, run(ctx, o), "%s", out)
	return out.String()
}

// requireStopped: exactly the rejected orders stopped, for this reason.
func requireStopped(t *testing.T, text, why string) {
	t.Helper()
	stops := regexp.MustCompile(`(?m)^ +[\d.]+s  order (\d+) +STOPPED after paymentRejected: inventory owes stockReturned\n +(.*)$`).FindAllStringSubmatch(text, -1)
	require.Len(t, stops, 3, "%s", text)
	require.Equal(t, 3, strings.Count(text, "STOPPED"), "%s", text)
	for i, order := range []string{"3", "6", "9"} {
		require.Equal(t, order, stops[i][1], "%s", text)
	}
	reasons := regexp.MustCompile(`(?m)^ {19}(.*)$`).FindAllStringSubmatch(text, -1)
	require.Equal(t, why, reasons[len(reasons)-1][1], "%s", text)
	require.Contains(t, text, "\norders: 9 placed, 6 ended, 3 stopped.\n")
}

func TestTheRejectedOrdersStopForNobodyTakesTheirEvent(t *testing.T) {
	t.Parallel()
	text := nine(t, func(*options) {})
	requireStopped(t, text, "unrouted: no queue took paymentRejected")
	require.Regexp(t, `go run ./cmd/laban where 3 --observer http://127\.0\.0\.1:\d+\n`, text)
}

func TestTheyStopAlsoWhereSomethingListensToEverything(t *testing.T) {
	t.Parallel()
	text := nine(t, func(o *options) { o.nosy = true })
	requireStopped(t, text, "not-bound: the queue of inventory does not ask for paymentRejected")
}

func TestNothingStopsWithoutTheMistake(t *testing.T) {
	t.Parallel()
	text := nine(t, func(o *options) { o.fixed = true })
	require.NotContains(t, text, "STOPPED")
	require.Contains(t, text, "\norders: 9 placed, 9 ended, 0 stopped.\n")
	require.Equal(t, 3, strings.Count(text, "payment rejected, stock returned"))
}

func TestTheSameOnRabbitMQ(t *testing.T) {
	on := func(change func(*options)) func(*options) {
		broker := testenv.RabbitMQ(t)
		return func(o *options) { o.amqp = broker.URL; change(o) }
	}
	requireStopped(t, nine(t, on(func(*options) {})), "unrouted: no queue took paymentRejected")
	requireStopped(t, nine(t, on(func(o *options) { o.nosy = true })),
		"not-bound: by what inventory announced, its queue does not ask for paymentRejected")
	require.Contains(t, nine(t, on(func(o *options) { o.fixed = true })), "\norders: 9 placed, 9 ended, 0 stopped.\n")
}

// TestItEndsWithItsContext as ctrl-C ends it.
func TestItEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	out := &output{}
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, options{listen: "127.0.0.1:0", every: time.Hour, out: out}) }()
	require.Eventually(t, func() bool { return strings.Contains(out.String(), "order 1   shipped") }, 20*time.Second, 10*time.Millisecond)
	cancel()
	require.ErrorIs(t, <-ended, context.Canceled)
	require.Contains(t, out.String(), "\norders: 1 placed, 1 ended, 0 stopped.\n")
}

// laban builds the command once, and returns how to run it.
func laban(t *testing.T) func(args ...string) string {
	t.Helper()
	if testing.Short() {
		t.Skip("it needs the compiler")
	}
	program := filepath.Join(t.TempDir(), "laban")
	build, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, "../../cmd/laban").CombinedOutput()
	require.NoError(t, err, "%s", build)
	return func(args ...string) string {
		out, _ := exec.CommandContext(t.Context(), program, args...).CombinedOutput() // it exits with 1 where it finds something
		return string(out)
	}
}

const nearMiss = `"PaymentRejected" — did you mean "paymentRejected"?`

func TestCheckNamesTheMistake(t *testing.T) {
	laban := laban(t)
	out := laban("check", "published.choreography.yaml")
	require.Contains(t, out, nearMiss)
	require.Contains(t, out, "error")
	out = laban("check", "intended.choreography.yaml")
	require.NotContains(t, out, "did you mean")
}

// TestTheMistakeIsSeenBeforeAnOrderStops: what the services say of themselves at
// their start is enough.
func TestTheMistakeIsSeenBeforeAnOrderStops(t *testing.T) {
	broker := testenv.RabbitMQ(t)
	laban := laban(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s := &shop{options: options{amqp: broker.URL}, log: quiet()}
	require.NoError(t, s.open(ctx))
	ended := make(chan error, len(s.crew))
	for _, b := range s.crew {
		go func() { ended <- b.Run(ctx) }()
	}
	require.NoError(t, s.awaitCrew(ctx))
	var out string
	require.Eventually(t, func() bool {
		out = laban("check", "--live", "--amqp", broker.URL)
		return strings.Contains(out, "5 running services")
	}, 20*time.Second, 10*time.Millisecond, "%s", &out)
	require.Regexp(t, `payment.* emits "paymentRejected", and inventory.* listens to "PaymentRejected"`, out)
	require.Contains(t, out, "[near-miss]")
	t.Log(out)
	cancel()
	for range s.crew {
		require.NoError(t, <-ended)
	}
	require.NoError(t, s.close())
}

// TestTheContractsDifferInOneLetter, or the story would not be true.
func TestTheContractsDifferInOneLetter(t *testing.T) {
	read := func(file string) string {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		_, err = choreography.Parse(file, text)
		require.NoError(t, err)
		_, rules, ok := strings.Cut(string(text), "starts:")
		require.True(t, ok)
		return rules
	}
	published, right := read("published.choreography.yaml"), read("intended.choreography.yaml")
	require.NotEqual(t, right, published)
	require.Equal(t, right, strings.ReplaceAll(published, misspelt, paymentRejected))
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// TestTheGuideQuotesTheSources: what the guide shows of them is there.
func TestTheGuideQuotesTheSources(t *testing.T) {
	read := func(file string) string {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		return string(text)
	}
	guide := read("../../docs/guides/the-tutorials-mistake.md")
	blocks := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(guide, -1)
	require.NotEmpty(t, blocks)
	for _, b := range blocks {
		require.Contains(t, read("services.go"), b[1])
	}
	rule := regexp.MustCompile("```yaml\n( {2}- .*)\n```").FindStringSubmatch(guide)
	require.NotNil(t, rule)
	require.Contains(t, read("intended.choreography.yaml"), rule[1]+"\n")
	check := laban(t)("check", "published.choreography.yaml")
	require.Contains(t, guide, strings.ReplaceAll(check, "published.choreography.yaml", "examples/tutorial/published.choreography.yaml"))
}
