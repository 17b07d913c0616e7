package e2e

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/demo"
	"github.com/laban-io/laban/internal/ledger"
	"github.com/laban-io/laban/internal/observer/api"
	"github.com/laban-io/laban/internal/observer/client"
	"github.com/laban-io/laban/internal/observer/config"
	"github.com/laban-io/laban/internal/observer/process"
	"github.com/laban-io/laban/internal/observer/source"
	"github.com/laban-io/laban/internal/parked"
	"github.com/laban-io/laban/internal/testenv"
	"github.com/laban-io/laban/pkg/amqpbus"
	"github.com/laban-io/laban/pkg/tracing"
)

// asked is an observer, as a desk asks it.
type asked struct{ *client.Client }

func (a asked) Flow(ctx context.Context, choreography, id string) (*api.Detail, error) {
	d, err := a.Client.Flow(ctx, choreography, id)
	var refused *client.Refusal
	if errors.As(err, &refused) && refused.Status == 404 {
		return nil, nil //nolint:nilnil // it is not known
	}
	return &d, err
}

// TestAParkedOrderIsRedriven lets payment park the message of an order. What is
// known of it, sending it again, how the order ends, both traces, and who did it
// are looked at, and the ledger is built again from the log.
func TestAParkedOrderIsRedriven(t *testing.T) {
	j := jaeger{testenv.Jaeger(t)}
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", j.OTLPEndpoint)
	t.Setenv("OTEL_TRACES_SAMPLER", "always_on")
	broker := testenv.RabbitMQ(t)
	address := freeAddress(t)
	faults, err := demo.ParseFaults("park=payment@0s*1")
	require.NoError(t, err)
	mix, err := demo.ParseMix("approved=1")
	require.NoError(t, err)
	var out bytes.Buffer
	stop, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		_, err := demo.Run(t.Context(), stop, demo.Config{
			Orders: 3, Mix: mix, Faults: faults, AMQP: broker.URL, ObserverListen: address, Out: &out, Hurry: 1, Seed: 1,
		})
		ended <- err
	}()
	observer, err := client.New(address, "")
	require.NoError(t, err)
	defer observer.Close()

	store, err := parked.NewAMQP(amqpbus.Config{URLs: []string{broker.URL}}, "")
	require.NoError(t, err)
	telemetry, err := tracing.Start(t.Context(), tracing.Config{Service: "laban", Local: true, LogOutput: t.Output()})
	require.NoError(t, err)
	desk, err := parked.New(parked.Config{Store: store, Flows: asked{observer}, Tracer: telemetry.TracerProvider.Tracer("test")})
	require.NoError(t, err)
	var l *parked.Listing
	require.Eventually(t, func() bool {
		l, err = desk.List(t.Context(), parked.Filter{}, nil)
		return err == nil && len(l.Messages) == 1
	}, time.Minute, 200*time.Millisecond, "%v", err)
	id := l.Messages[0].FlowID
	var previews []parked.Preview
	require.Eventually(t, func() bool {
		previews, err = desk.Preview(t.Context(), l.Messages)
		require.NoError(t, err)
		return !previews[0].Refused
	}, 10*time.Second, 50*time.Millisecond, "the observer has read it")
	require.Contains(t, previews[0].Standing, "still waits for it")

	order := parked.Order{Messages: l.Messages, Log: l.Log, By: "ann@desk", Reason: "the provider is back"}
	report, err := desk.Redrive(t.Context(), order)
	require.NoError(t, err)
	require.Len(t, report.Done, 1)
	require.NoError(t, telemetry.Shutdown(t.Context()))
	var d api.Detail
	require.Eventually(t, func() bool {
		d, err = observer.Flow(t.Context(), "order", id)
		require.NoError(t, err)
		return d.Status == "completed" && len(d.Waiting) == 0
	}, 20*time.Second, 50*time.Millisecond)

	require.Len(t, d.Actions, 1)
	require.Equal(t, "redriven", d.Actions[0].Action)
	require.Equal(t, "ann@desk", d.Actions[0].By)
	require.Equal(t, "the provider is back", d.Actions[0].Reason)
	require.Equal(t, "payment", d.Actions[0].Service)
	require.Equal(t, l.Messages[0].ID, d.Actions[0].EventID)
	require.False(t, d.Actions[0].At.IsZero())
	require.Empty(t, d.Deviations, "the copy is no new event")

	// What was redriven once is refused from now on.
	previews, err = desk.Preview(t.Context(), l.Messages)
	require.NoError(t, err)
	require.True(t, previews[0].Refused)
	require.Contains(t, previews[0].Standing, "has moved on: payment has answered with payment.confirmed")

	require.Len(t, d.TraceIDs, 2, "its own, and that of the redrive")
	require.Equal(t, d.TraceID, d.TraceIDs[0])
	require.Eventually(t, func() bool {
		return links(j.trace(t, d.TraceIDs[1]), "redrive payment", d.TraceIDs[0]) &&
			links(j.trace(t, d.TraceIDs[1]), "process events:stock.confirmed:payment", d.TraceIDs[0]) &&
			links(j.trace(t, d.TraceIDs[0]), "redrive events:stock.confirmed:payment", d.TraceIDs[1])
	}, 20*time.Second, 200*time.Millisecond, "linked both ways")

	close(stop)
	require.NoError(t, <-ended, "%s", &out)
	checkReplayed(t, broker.URL, &d)
}

// links tells whether a span with a name is linked to another trace.
func links(spans []span, name, trace string) bool {
	return slices.ContainsFunc(spans, func(s span) bool {
		return s.Name == name && len(s.Links) > 0 && strings.TrimLeft(s.Links[0].TraceID, "0") == strings.TrimLeft(trace, "0")
	})
}

// checkReplayed builds a ledger from the log, and compares what people did.
func checkReplayed(t *testing.T, url string, want *api.Detail) {
	t.Helper()
	cfg := config.Default()
	cfg.AMQP, cfg.Ledger = []string{url}, "sqlite:"+filepath.Join(t.TempDir(), "replayed.db")
	cfg.Contracts = []string{"../../services/order.choreography.yaml"}
	_, err := process.Replay(t.Context(), cfg, source.Place{}, process.Options{Logger: slog.New(slog.DiscardHandler)}, func(process.Progress) {})
	require.NoError(t, err)
	replayed, err := ledger.Open(t.Context(), cfg.Ledger, ledger.Config{})
	require.NoError(t, err)
	defer func() { require.NoError(t, replayed.Close()) }()
	got, err := replayed.Flow(t.Context(), "order", want.ID)
	require.NoError(t, err)
	require.Equal(t, want.Status, got.Status.String())
	require.Equal(t, want.TraceIDs, got.TraceIDs)
	require.Len(t, got.Actions, 1)
	a := got.Actions[0]
	require.Equal(t, want.Actions, []api.Action{{Action: a.Action, By: a.Actor, At: a.At, Reason: a.Reason, Service: a.Service, EventID: a.EventID}})
	left, err := replayed.Parked(t.Context(), 10)
	require.NoError(t, err)
	require.Empty(t, left, "it is parked no more")
}

// freeAddress is one at which nobody listens.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	return l.Addr().String()
}
