package source_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/observer/record"
	"github.com/laban-io/laban/internal/observer/source"
	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
	"github.com/laban-io/laban/pkg/flow"
	"github.com/laban-io/laban/pkg/membus"
)

func nobodyHears(t *testing.T, b *membus.Broker, eventType string) {
	t.Helper()
	done := make(chan error, 1)
	b.Connect().Send(t.Context(), &bus.Message{RoutingKey: eventType, Event: event.Event{
		ID: event.NewID(), Source: "payment", Type: eventType, Subject: "1042", Time: time.Now(), FlowName: "order", FlowID: "f1",
	}}, func(err error) { done <- err })
	require.NoError(t, <-done)
}

// straysOf returns the first n strays from places on.
func straysOf(t *testing.T, m *source.Memory, after map[string]uint64, n int) []record.Stray {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var all []record.Stray
	require.NoError(t, m.Strays(ctx, after, func(_ context.Context, s record.Stray) error {
		if all = append(all, s); len(all) == n {
			cancel()
		}
		return nil
	}, func(string, bool, string) {}))
	require.Len(t, all, n)
	return all
}

func TestMemoryTellsOfStraysFromWhereItStopped(t *testing.T) {
	b := membus.New(membus.Config{})
	t.Cleanup(b.Close)
	m := source.NewMemory(b)
	nobodyHears(t, b, "a")
	nobodyHears(t, b, "b")
	first := straysOf(t, m, nil, 2)
	require.Equal(t, "a", first[0].EventType)
	require.Equal(t, "1042", first[0].Key)
	require.Equal(t, "f1", first[0].FlowID)
	require.False(t, first[0].Lost)
	nobodyHears(t, b, "c")
	next := straysOf(t, m, map[string]uint64{first[0].Stream: first[0].Offset + 1}, 2)
	require.Equal(t, []string{"b", "c"}, []string{next[0].EventType, next[1].EventType})
	require.EqualValues(t, 2, next[1].Offset)
}

func TestMemoryTellsOfEachStrayOnce(t *testing.T) {
	b := membus.New(membus.Config{})
	t.Cleanup(b.Close)
	nobodyHears(t, b, "a")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var told []string
	require.NoError(t, source.NewMemory(b).Strays(ctx, nil, func(_ context.Context, s record.Stray) error {
		switch told = append(told, s.EventType); s.EventType {
		case "a":
			if len(told) == 1 {
				nobodyHears(t, b, "z") // which the broker tells of when it is asked again
			}
		case "z":
			cancel()
		}
		return nil
	}, func(string, bool, string) {}))
	require.Equal(t, []string{"a", "z"}, told)
}

func TestMemorySeesAllOfAQueue(t *testing.T) {
	b := membus.New(membus.Config{})
	t.Cleanup(b.Close)
	m := source.NewMemory(b)
	consuming, stop := context.WithCancel(t.Context())
	begun, release, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- b.Connect().Consume(consuming, bus.Subscription{Queue: "payment", Keys: []string{"order.placed"}, Concurrency: 1,
			OnSession: func() { close(begun) },
			Receive: func(ctx context.Context, d *bus.Delivery) {
				<-release
				_ = d.Settler.Settle(ctx, d, bus.Verdict{})
			}})
	}()
	<-begun
	nobodyHears(t, b, "order.placed")
	looking, enough := context.WithTimeout(t.Context(), 20*time.Second)
	defer enough()
	var seen []flow.QueueSeen
	require.NoError(t, m.Look(looking, source.Looking{
		Queues: func() []source.ServiceQueue {
			return []source.ServiceQueue{{Service: "payment", Queue: "payment"}, {Service: "gone", Queue: "gone"}}
		},
		Often:    func() bool { return true },
		Saw:      func(q []flow.QueueSeen) { seen = q; enough() },
		Evidence: func(string, bool, string) {},
	}))
	require.Equal(t, []flow.QueueSeen{
		{Service: "payment", Queue: "payment", Unacked: 1, Consumers: 1, Bindings: []string{"order.placed"}, BindingsKnown: true},
		{Service: "gone", Queue: "gone", Missing: true},
	}, seen)
	close(release)
	stop()
	require.NoError(t, <-ended)
}

// What a person sent again is no new event, but something that was done.
func TestAMessageThatWasSentAgainIsAnAction(t *testing.T) {
	b := membus.New(membus.Config{})
	t.Cleanup(b.Close)
	nobodyHears(t, b, "a")
	held := b.Held(membus.UnroutedShelf(), 0)
	require.NoError(t, b.Connect().Redrive(t.Context(), membus.UnroutedShelf(), held[0].Number, "", map[string]string{
		bus.HeaderRedrive: "now", bus.HeaderRedriveOf: "unrouted before", bus.HeaderRedriveBy: "ann", bus.HeaderRedriveReason: "bound by now",
	}))
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var items []source.Item
	require.NoError(t, source.NewMemory(b).Read(ctx, source.Place{}, func(some []source.Item) error {
		if items = append(items, some...); len(items) == 2 {
			cancel()
		}
		return nil
	}))
	require.Equal(t, source.Event, items[0].Kind)
	require.Equal(t, source.Own, items[1].Kind)
	require.Equal(t, record.Redriven{
		EventID: held[0].Event.ID, EventSource: "payment", EventType: "a", FlowName: "order", FlowID: "f1", Key: "1042",
		Kind: "unrouted", Before: "before", By: "ann", Reason: "bound by now",
	}, items[1].Own)
}
