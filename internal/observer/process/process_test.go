package process_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/laban-io/laban/internal/ledger"
	"github.com/laban-io/laban/internal/observer"
	"github.com/laban-io/laban/internal/observer/config"
	"github.com/laban-io/laban/internal/observer/marker"
	"github.com/laban-io/laban/internal/observer/process"
	"github.com/laban-io/laban/internal/observer/source"
	"github.com/laban-io/laban/internal/testenv"
	"github.com/laban-io/laban/pkg/amqpbus"
	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
)

// observeVariable makes the test binary an observer with the configuration that
// it names.
const observeVariable = "LABAN_TEST_OBSERVE"

func TestMain(m *testing.M) {
	path := os.Getenv(observeVariable)
	if path == "" {
		goleak.VerifyTestMain(m)
		return
	}
	if err := observe(path); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func observe(path string) error {
	signal.Ignore(syscall.SIGXFSZ) // a write beyond the limit is to fail, as on a full disk
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	cfg, err := config.Load(path, os.LookupEnv)
	if err != nil {
		return err
	}
	return process.Run(ctx, cfg, process.Options{Logger: slog.New(slog.NewTextHandler(os.Stderr, nil))})
}

const patience = 60 * time.Second

const shop = `
choreography: shop
starts: [order.placed]
outcomes: {completed: [order.shipped], failed: [payment.rejected]}
reactions:
  - {service: web, emits: [order.placed]}
  - {service: payment, on: [order.placed], emits: [payment.confirmed, payment.rejected], within: 10s}
  - {service: delivery, on: [payment.confirmed], emits: [order.shipped], within: 10s}
`

// bench is a broker, a configuration and a ledger of their own.
type bench struct {
	broker *testenv.Broker
	path   string
	cfg    *config.Config
}

func newBench(t *testing.T, ledgerURL string) *bench {
	t.Helper()
	dir := t.TempDir()
	if ledgerURL == "" {
		ledgerURL = "sqlite:" + filepath.Join(dir, "ledger.db")
	}
	b := &bench{broker: testenv.RabbitMQ(t), path: filepath.Join(dir, "observer.yaml")}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "shop.yaml"), []byte(shop), 0o600))
	require.NoError(t, os.WriteFile(b.path, fmt.Appendf(nil, "amqp: %s\nledger: %s\nlisten: 127.0.0.1:0\ncontracts: [shop.yaml]\n", b.broker.URL, ledgerURL), 0o600))
	var err error
	b.cfg, err = config.Load(b.path, os.LookupEnv)
	require.NoError(t, err)
	return b
}

// start runs an observer in a process of its own, which says what it has to say
// to said.
func (b *bench) start(t *testing.T, said io.Writer) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), os.Args[0])
	cmd.Env = append(os.Environ(), observeVariable+"="+b.path, "OTEL_SDK_DISABLED=true")
	cmd.Stderr = said
	require.NoError(t, cmd.Start())
	return cmd
}

func (b *bench) bus(t *testing.T, name, on, answer string) *bus.Bus {
	t.Helper()
	quiet := slog.New(slog.DiscardHandler)
	transport, err := amqpbus.Open(t.Context(), amqpbus.Config{URLs: []string{b.broker.URL}, Logger: quiet})
	require.NoError(t, err)
	s, err := bus.New(bus.Config{Service: name, Logger: quiet}, transport)
	require.NoError(t, err)
	if on != "" {
		s.HandleFunc(func(ctx context.Context, e event.Event) error { return s.Publish(ctx, event.New(answer, nil)) }, on)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-done)
		require.NoError(t, transport.Close(context.Background()))
	})
	return s
}

func dump(t *testing.T, l *ledger.Ledger) string {
	t.Helper()
	var text strings.Builder
	require.NoError(t, l.Dump(t.Context(), &text, ledger.DumpConfig{}))
	return text.String()
}

// replay builds a ledger from the log up to an offset.
func (b *bench) replay(t *testing.T, end uint64) string {
	t.Helper()
	l, err := ledger.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "replay.db"), ledger.Config{})
	require.NoError(t, err)
	defer func() { require.NoError(t, l.Close()) }()
	log, err := source.Open(b.cfg, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	contracts, err := b.cfg.ReadContracts()
	require.NoError(t, err)
	obs, err := observer.New(observer.Config{
		Log: log, Ledger: l, Contracts: contracts, Marker: marker.From, Logger: slog.New(slog.DiscardHandler),
	})
	require.NoError(t, err)
	require.NoError(t, obs.Replay(t.Context(), source.Place{}, end))
	return dump(t, l)
}

// serveUntil runs an observer in this process until the returned function is
// called, and returns the address of its API.
func (b *bench) serveUntil(t *testing.T) (address string, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ready, done := make(chan string, 1), make(chan error, 1)
	go func() {
		done <- process.Run(ctx, b.cfg, process.Options{Logger: slog.New(slog.DiscardHandler), Ready: func(a string) { ready <- a }})
	}()
	stop = sync.OnceFunc(func() {
		cancel()
		require.NoError(t, <-done)
	})
	t.Cleanup(stop)
	return "http://" + <-ready, stop
}

// TestTheWholeProcess: it serves metrics and the API, replays into a new ledger
// only, and says what it would observe.
func TestTheWholeProcess(t *testing.T) {
	t.Setenv("OTEL_SDK_DISABLED", "true")
	b := newBench(t, "")
	web := b.bus(t, "web", "", "")
	at, stop := b.serveUntil(t)
	quiet := slog.New(slog.DiscardHandler)
	defer http.DefaultClient.CloseIdleConnections()
	flowCtx, _ := web.StartFlow(t.Context(), "shop", "1042")
	require.NoError(t, web.Publish(flowCtx, event.New("order.placed", nil).WithSubject("1042")))
	require.Eventually(t, func() bool { return strings.Contains(get(t, at+"/api/v1/flows?key=1042"), `"running"`) }, patience, 50*time.Millisecond)
	require.Contains(t, get(t, at+"/metrics"), `laban_flows_started_total{choreography="shop"} 1`)
	stop()

	var out strings.Builder
	require.NoError(t, process.Check(t.Context(), b.cfg, process.Options{Logger: quiet}, &out))
	require.Contains(t, out.String(), "the stream events.log, which is there")

	_, err := process.Replay(t.Context(), b.cfg, source.Place{}, process.Options{Logger: quiet}, func(process.Progress) {})
	require.ErrorIs(t, err, observer.ErrNotEmpty)
	other := *b.cfg
	other.Ledger = "sqlite:" + filepath.Join(t.TempDir(), "other.db")
	last, err := process.Replay(t.Context(), &other, source.Place{}, process.Options{Logger: quiet}, func(process.Progress) {})
	require.NoError(t, err)
	require.Equal(t, last.End, last.Offset+1)
	l, err := ledger.Open(t.Context(), other.Ledger, ledger.Config{})
	require.NoError(t, err)
	defer func() { require.NoError(t, l.Close()) }()
	flows, _, err := l.Flows(t.Context(), ledger.Filter{Key: "1042"})
	require.NoError(t, err)
	require.Len(t, flows, 1)
	pending, err := l.PendingMarkers(t.Context(), 10)
	require.NoError(t, err)
	require.Empty(t, pending)
}

func get(t *testing.T, url string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	require.NoError(t, err)
	answer, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer func() { require.NoError(t, answer.Body.Close()) }()
	body, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return string(body)
}
