package e2e

import (
	"bytes"
	"context"
	"errors"
	"html"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"regexp"
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

// TestParkedOrdersAreRedriven lets payment park the messages of two orders. One is
// sent again as the command does it, and one by the pages. How the orders end, both
// traces of each, and who did it are looked at, and the ledger is built again from
// the log.
func TestParkedOrdersAreRedriven(t *testing.T) {
	j := jaeger{testenv.Jaeger(t)}
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", j.OTLPEndpoint)
	t.Setenv("OTEL_TRACES_SAMPLER", "always_on")
	broker := testenv.RabbitMQ(t)
	address := freeAddress(t)
	faults, err := demo.ParseFaults("park=payment@0s*2")
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
		return err == nil && len(l.Messages) == 2
	}, time.Minute, 200*time.Millisecond, "%v", err)
	byCommand, byPage := &l.Messages[0], &l.Messages[1]
	var previews []parked.Preview
	require.Eventually(t, func() bool {
		previews, err = desk.Preview(t.Context(), l.Messages)
		require.NoError(t, err)
		return !previews[0].Refused && !previews[1].Refused
	}, 10*time.Second, 50*time.Millisecond, "the observer has read it")
	require.Contains(t, previews[0].Standing, "still waits for it")

	order := parked.Order{Messages: []parked.Message{*byCommand}, Log: l.Log, By: "ann@desk", Reason: "the provider is back"}
	report, err := desk.Redrive(t.Context(), order)
	require.NoError(t, err)
	require.Len(t, report.Done, 1)
	require.NoError(t, telemetry.Shutdown(t.Context()))
	redriveByPage(t, "http://"+address, byPage.FlowID, "bob", "paid by now")

	first := checkRedriven(t, j, observer, byCommand, "ann@desk", "the provider is back")
	second := checkRedriven(t, j, observer, byPage, "bob", "paid by now")

	// What was redriven once is refused from now on.
	previews, err = desk.Preview(t.Context(), l.Messages)
	require.NoError(t, err)
	for _, p := range previews {
		require.True(t, p.Refused)
		require.Contains(t, p.Standing, "has moved on: payment has answered with payment.confirmed")
	}

	close(stop)
	require.NoError(t, <-ended, "%s", &out)
	checkReplayed(t, broker.URL, first, second)
}

// redriveByPage does what a person does on the page of a journey: follows its
// link, says who and why, and sends the form.
func redriveByPage(t *testing.T, base, flow, by, reason string) {
	t.Helper()
	journey := page(t, base+"/flows/"+flow)
	link := regexp.MustCompile(`<a class="button primary" href="([^"]+)">Send it again`).FindStringSubmatch(journey)
	require.NotNil(t, link, "%s", journey)
	preview := page(t, base+html.UnescapeString(link[1]))
	form := url.Values{"what": {"redrive"}, "by": {by}, "reason": {reason}}
	for _, name := range []string{"secret", "m"} {
		value := regexp.MustCompile(`name="` + name + `" value="([^"]*)"`).FindStringSubmatch(preview)
		require.NotNil(t, value, "%s in %s", name, preview)
		form.Set(name, html.UnescapeString(value[1]))
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, base+"/parked/act", strings.NewReader(form.Encode()))
	require.NoError(t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", base)
	answer, err := http.DefaultClient.Do(r) // follows to the page of what was done
	require.NoError(t, err)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	require.Contains(t, string(body), "1 message was sent again")
}

// page is the text of one of the observer's pages.
func page(t *testing.T, address string) string {
	t.Helper()
	answer, err := http.Get(address)
	require.NoError(t, err)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, answer.StatusCode, "%s: %s", address, body)
	return string(body)
}

// checkRedriven waits for the end of a flow whose parked message was sent again,
// and looks at who did it and at its traces.
func checkRedriven(t *testing.T, j jaeger, observer *client.Client, m *parked.Message, by, reason string) *api.Detail {
	t.Helper()
	var d api.Detail
	require.Eventually(t, func() bool {
		var err error
		d, err = observer.Flow(t.Context(), "order", m.FlowID)
		require.NoError(t, err)
		return d.Status == "completed" && len(d.Waiting) == 0
	}, 20*time.Second, 50*time.Millisecond)

	require.Len(t, d.Actions, 1)
	require.Equal(t, "redriven", d.Actions[0].Action)
	require.Equal(t, by, d.Actions[0].By)
	require.Equal(t, reason, d.Actions[0].Reason)
	require.Equal(t, "payment", d.Actions[0].Service)
	require.Equal(t, m.ID, d.Actions[0].EventID)
	require.False(t, d.Actions[0].At.IsZero())
	require.Empty(t, d.Deviations, "the copy is no new event")

	require.Len(t, d.TraceIDs, 2, "its own, and that of the redrive")
	require.Equal(t, d.TraceID, d.TraceIDs[0])
	require.Eventually(t, func() bool {
		return links(j.trace(t, d.TraceIDs[1]), "redrive payment", d.TraceIDs[0]) &&
			links(j.trace(t, d.TraceIDs[1]), "process events:stock.confirmed:payment", d.TraceIDs[0]) &&
			links(j.trace(t, d.TraceIDs[0]), "redrive events:stock.confirmed:payment", d.TraceIDs[1])
	}, 20*time.Second, 200*time.Millisecond, "linked both ways")
	return &d
}

// links tells whether a span with a name is linked to another trace.
func links(spans []span, name, trace string) bool {
	return slices.ContainsFunc(spans, func(s span) bool {
		return s.Name == name && len(s.Links) > 0 && strings.TrimLeft(s.Links[0].TraceID, "0") == strings.TrimLeft(trace, "0")
	})
}

// checkReplayed builds a ledger from the log, and compares what people did.
func checkReplayed(t *testing.T, url string, all ...*api.Detail) {
	t.Helper()
	cfg := config.Default()
	cfg.AMQP, cfg.Ledger = []string{url}, "sqlite:"+filepath.Join(t.TempDir(), "replayed.db")
	cfg.Contracts = []string{"../../services/order.choreography.yaml"}
	_, err := process.Replay(t.Context(), cfg, source.Place{}, process.Options{Logger: slog.New(slog.DiscardHandler)}, func(process.Progress) {})
	require.NoError(t, err)
	replayed, err := ledger.Open(t.Context(), cfg.Ledger, ledger.Config{})
	require.NoError(t, err)
	defer func() { require.NoError(t, replayed.Close()) }()
	for _, want := range all {
		got, err := replayed.Flow(t.Context(), "order", want.ID)
		require.NoError(t, err)
		require.Equal(t, want.Status, got.Status.String())
		require.Equal(t, want.TraceIDs, got.TraceIDs)
		require.Len(t, got.Actions, 1)
		a := got.Actions[0]
		require.Equal(t, want.Actions, []api.Action{{Action: a.Action, By: a.Actor, At: a.At, Reason: a.Reason, Service: a.Service, EventID: a.EventID}})
	}
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
