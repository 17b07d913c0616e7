package observer_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/ledger"
	"github.com/laban-io/laban/internal/observer"
	"github.com/laban-io/laban/internal/observer/marker"
	"github.com/laban-io/laban/internal/observer/record"
	"github.com/laban-io/laban/internal/observer/source"
	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/choreography"
	"github.com/laban-io/laban/pkg/event"
	"github.com/laban-io/laban/pkg/flow"
	"github.com/laban-io/laban/pkg/membus"
)

// inMemory is a whole world within a bubble of its own time: a broker, and
// observers of its log.
type inMemory struct {
	broker *membus.Broker
	sender *membus.Transport
}

// bubble runs fn in such a world.
func bubble(t *testing.T, fn func(t *testing.T, m *inMemory)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := membus.New(membus.Config{})
		t.Cleanup(b.Close)
		fn(t, &inMemory{broker: b, sender: b.Connect()})
	})
}

// config is that of an observer of the world's log.
func (m *inMemory) config(t *testing.T, l *ledger.Ledger) observer.Config {
	t.Helper()
	return observer.Config{
		Log: source.NewMemory(m.broker), Ledger: l, Contracts: []*choreography.Choreography{contract(t, shop)},
		Marker: marker.From, Logger: logger(t), Tracker: flow.Config{Tombstones: 3 * time.Second},
	}
}

// run runs an observer until the test ends or the returned function is called.
func run(t *testing.T, cfg observer.Config) (*observer.Observer, func()) {
	t.Helper()
	o, err := observer.New(cfg)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- o.Run(ctx) }()
	stop := sync.OnceFunc(func() {
		cancel()
		require.NoError(t, <-done)
	})
	t.Cleanup(stop)
	return o, stop
}

// emit publishes an event of a flow as a service whose clock is off by so much.
func (m *inMemory) emit(t *testing.T, service, eventType, key, cause string, off time.Duration) string {
	t.Helper()
	id, now := event.NewID(), time.Now().Add(off)
	done := make(chan error, 1)
	m.sender.Send(t.Context(), &bus.Message{RoutingKey: eventType, Event: event.Event{
		ID: id, Source: service, Type: eventType, Subject: key, Time: now, TriggerTime: now, CausationID: cause, FlowName: "shop", FlowID: key,
	}}, func(err error) { done <- err })
	require.NoError(t, <-done)
	return id
}

// status is that of a flow in the ledger.
func status(t *testing.T, l *ledger.Ledger, key string) ledger.Flow {
	t.Helper()
	flows, _, err := l.Flows(t.Context(), ledger.Filter{Key: key})
	require.NoError(t, err)
	require.Len(t, flows, 1, key)
	return flows[0]
}

// pulses are all that the log has.
func (m *inMemory) pulses(t *testing.T) []record.Pulse {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	var all []record.Pulse
	require.NoError(t, source.NewMemory(m.broker).Read(ctx, source.Place{}, func(items []source.Item) error {
		for i := range items {
			if p, ok := items[i].Own.(record.Pulse); ok {
				all = append(all, p)
			}
		}
		return nil
	}))
	return all
}

// pass lets the bubble's time go by.
func pass(d time.Duration) { time.Sleep(d) } //nolint:forbidigo // the bubble's time

// held is a log of which no more than so many records can be read until a time.
type held struct {
	source.Log
	after uint64
	until time.Time
}

func (h *held) Read(ctx context.Context, from source.Place, fn func([]source.Item) error) error {
	return h.Log.Read(ctx, from, func(items []source.Item) error {
		if items[0].Offset >= h.after {
			pass(time.Until(h.until))
		}
		return fn(items)
	})
}

// contested is a log that anybody may lead, again and again, as where a broker
// has forgotten who does.
type contested struct{ source.Log }

func (c contested) Lead(ctx context.Context, l source.Leadership) error {
	for ctx.Err() == nil {
		if !l.Wants() {
			l.Waits()
			pass(time.Second)
			continue
		}
		if err := c.Log.Lead(ctx, l); err != nil {
			return err
		}
	}
	return nil
}
