package dashboards_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/ledger"
	"github.com/laban-io/laban/internal/observer"
	"github.com/laban-io/laban/internal/observer/api"
	"github.com/laban-io/laban/internal/observer/explorer"
	"github.com/laban-io/laban/pkg/choreography"
	"github.com/laban-io/laban/pkg/flow"
)

const contract = `
choreography: order
starts: [order.placed]
outcomes: {completed: [order.shipped]}
reactions:
  - {service: order, emits: [order.placed]}
  - {service: payment, on: [order.placed], emits: [payment.confirmed], within: 10s}
  - {service: delivery, on: [payment.confirmed], emits: [order.shipped], within: 30s}
`

// fill writes a ledger by a real tracker: order 1041 is shipped, payment has
// parked 1042, which is overdue, and 1043 was closed by a person.
func fill(t *testing.T, url string) (*ledger.Ledger, *choreography.Choreography) {
	t.Helper()
	ctx := t.Context()
	l, err := ledger.Open(ctx, url, ledger.Config{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	c, err := choreography.Parse("order.yaml", []byte(contract))
	require.NoError(t, err)
	epoch, err := l.TakeOver(ctx)
	require.NoError(t, err)

	var (
		tracker = flow.New(flow.Config{})
		batch   = ledger.Batch{Epoch: epoch}
		offset  uint64
		clock   = time.Now().Add(-5 * time.Minute).UTC()
	)
	place := func() flow.Place { offset++; return flow.Place{Offset: offset} }
	took := func(transitions []flow.Transition) { batch.Transitions = append(batch.Transitions, transitions...) }
	pulse := func(d time.Duration) {
		for end := clock.Add(d); clock.Before(end); {
			clock = clock.Add(250 * time.Millisecond)
			took(tracker.Pulse(&flow.Pulse{Place: place(), Time: clock}))
		}
	}
	tell := func(key, source, kind, cause string) string {
		e := flow.Event{Place: place(), Source: source, Type: kind, Key: key, FlowName: "order", FlowID: "F" + key, CausationID: cause, Time: clock, TriggerTime: clock.Add(-10 * time.Millisecond)}
		e.ID = fmt.Sprintf("e%d", e.Offset)
		e.Trace.TraceID, e.Trace.Sampled = [16]byte{1, 2, 3}, true
		copy(e.Trace.TraceID[8:], key)
		binary.BigEndian.PutUint64(e.Trace.SpanID[:], e.Offset)
		r := tracker.Observe(&e)
		for _, entry := range r.Entries {
			batch.Events = append(batch.Events, ledger.Event{Record: e, Entry: entry})
		}
		took(r.Transitions)
		pulse(500 * time.Millisecond)
		return e.ID
	}
	took(tracker.Rules(&flow.Rules{Place: place(), Choreography: c}))
	batch.Contracts = append(batch.Contracts, ledger.ContractOf(c, offset))
	pulse(time.Second)
	tell("1041", "delivery", "order.shipped", tell("1041", "payment", "payment.confirmed", tell("1041", "order", "order.placed", "")))
	stuck := tell("1042", "order", "order.placed", "")
	f := flow.Failure{Place: place(), EventID: stuck, Type: "order.placed", FlowName: "order", FlowID: "F1042", Key: "1042", Service: "payment", Parked: true, Attempt: 5, Of: 5, Error: "card service: 500"}
	batch.Failures = append(batch.Failures, ledger.FailureOf(&f, clock))
	took(tracker.Fail(&f))
	tell("1043", "order", "order.placed", "")
	took(tracker.Close(&flow.Closing{Place: place(), Choreography: "order", FlowID: "F1043", Reason: "mended by hand", By: "test"}))
	pulse(15 * time.Second)
	tracker.Changed(func(s *flow.Snapshot) { batch.AddFlow(s) })
	batch.To = ledger.Position{LogID: "log-1", Next: offset + 1}
	require.NoError(t, l.Commit(ctx, &batch))
	return l, c
}

// watcher is an observer that has nothing to do.
type watcher struct{ contract *choreography.Choreography }

func (watcher) Status() observer.Status { return observer.Status{Role: observer.Active} }
func (w watcher) Contracts() []*choreography.Choreography {
	return []*choreography.Choreography{w.contract}
}
func (watcher) Subscribe(int) (<-chan flow.Transition, func())                  { return nil, func() {} }
func (watcher) CloseFlow(context.Context, string, string, string, string) error { return nil }

// observerAPI is the observer's API and its pages, on a ledger that is filled.
func observerAPI(t *testing.T) http.Handler {
	t.Helper()
	url := "sqlite:" + filepath.Join(t.TempDir(), "ledger.db")
	_, c := fill(t, url)
	reader, err := ledger.OpenReader(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, reader.Close()) })
	pages, err := explorer.New(explorer.Config{Reader: reader, Observer: watcher{c}})
	require.NoError(t, err)
	served, err := api.New(api.Config{Reader: reader, Observer: watcher{c}, Pages: pages})
	require.NoError(t, err)
	return served
}
