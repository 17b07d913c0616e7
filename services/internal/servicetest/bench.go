package servicetest

import (
	"context"
	"database/sql"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/chassis"
	"github.com/laban-io/laban/internal/database"
	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
	"github.com/laban-io/laban/pkg/outbox"
)

// Bench is a service on the bench. Its methods are safe for concurrent use.
type Bench struct {
	// Faults make the service's transactions fail.
	Faults Faults

	db           *sql.DB
	log          record
	transport    *byHand
	outbox       *outbox.Outbox
	subscription bus.Subscription
}

// New builds the service on an empty database and keeps it until the test ends.
func New(t testing.TB, databaseURL string, spec chassis.Spec) *Bench {
	t.Helper()
	ctx := t.Context()
	db, dialect, err := database.Open(ctx, databaseURL, database.Volatile())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	require.NoError(t, database.Migrate(ctx, db, dialect, spec.Migrations))

	bench := &Bench{db: db, transport: newByHand()}
	log := slog.New(slog.NewTextHandler(&bench.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	b, err := bus.New(bus.Config{Service: spec.Name, Version: "test", Emits: spec.Emits, Logger: log}, bench.transport)
	require.NoError(t, err)
	bench.outbox, err = outbox.New(db, dialect, b, outbox.Config{Logger: log})
	require.NoError(t, err)
	require.NoError(t, bench.outbox.Migrate(ctx))
	service, err := spec.Build(ctx, chassis.Parts{
		DB: db, Dialect: dialect, Bus: b, Outbox: faultyOutbox{bench.outbox, &bench.Faults},
		Logger: log, Metrics: prometheus.NewRegistry(), Version: "test",
	})
	require.NoError(t, err)
	if service.Close != nil {
		t.Cleanup(func() { require.NoError(t, service.Close()) })
	}

	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	var ends sync.WaitGroup
	for _, run := range []func(context.Context) error{b.Run, bench.outbox.Run} {
		ends.Go(func() {
			if err := run(running); err != nil {
				t.Errorf("on the bench: %v", err)
			}
		})
	}
	t.Cleanup(func() { stop(); ends.Wait() })
	bench.subscription = <-bench.transport.subscribed
	return bench
}

// Subscribed returns the event types that the service asks for.
func (b *Bench) Subscribed() []string { return b.subscription.Keys }

// Deliver hands the event over once and returns what it came to.
func (b *Bench) Deliver(ctx context.Context, e event.Event) bus.Verdict {
	var s settler
	b.subscription.Receive(ctx, &bus.Delivery{
		Message: bus.Message{Event: e, Exchange: "events", RoutingKey: e.Type, Info: b.transport.Info()},
		Queue:   b.subscription.Queue, Attempt: 1, Received: time.Now(), Settler: &s,
	})
	return s.verdict
}

// maxDeliveries is more than any plan of faults can ask for.
const maxDeliveries = 100

// Handle hands the event over until it is processed, as a broker would.
func (b *Bench) Handle(t require.TestingT, e event.Event) {
	var v bus.Verdict
	for range maxDeliveries {
		v = b.Deliver(context.Background(), e)
		if v.Action == bus.Ack {
			return
		}
		require.Contains(t, []bus.Action{bus.RetryLater, bus.Requeue}, v.Action, "%s: %v", e.Type, v.Err)
		require.ErrorIs(t, v.Err, ErrInjected, e.Type)
	}
	require.Fail(t, "an event is never processed", "%s: %v", e.Type, v.Err)
}

// HandleAll hands over the events on several goroutines, which take one after
// the other, each until it is processed. With one goroutine that is in order.
func (b *Bench) HandleAll(t require.TestingT, goroutines int, events ...event.Event) {
	next := make(chan event.Event, len(events))
	for _, e := range events {
		next <- e
	}
	close(next)
	var workers sync.WaitGroup
	var failures collector
	for range goroutines {
		workers.Go(func() {
			for e := range next {
				b.Handle(&failures, e)
			}
		})
	}
	workers.Wait()
	failures.report(t)
}

// Emitted returns what the service published about an order, in order, once
// its outbox is empty.
func (b *Bench) Emitted(t require.TestingT, orderID string) []event.Event {
	require.Eventually(t, func() bool {
		stats, err := b.outbox.Stats(context.Background())
		return err == nil && stats.Backlog == 0 && stats.Failed == 0
	}, 30*time.Second, time.Millisecond, "the outbox can't publish everything")
	return b.transport.sentAbout(orderID)
}

// Handled tells whether the service's inbox has noted the event as handled.
func (b *Bench) Handled(t require.TestingT, e event.Event) bool {
	seen, err := b.outbox.Seen(context.Background(), e)
	require.NoError(t, err)
	return seen
}

// EmittedTypes returns how often the service published each type about an order.
func (b *Bench) EmittedTypes(t require.TestingT, orderID string) map[string]int {
	types := make(map[string]int)
	for _, e := range b.Emitted(t, orderID) {
		types[e.Type]++
	}
	return types
}

// Event returns an event of an order as a service emits it.
func Event(source, eventType, orderID string, data any) event.Event {
	e := event.New(eventType, data).WithSubject(orderID)
	e.ID, e.Source, e.Time = event.NewID(), source, time.Now()
	e.FlowName, e.FlowID = "order", "flow-"+orderID
	return e
}
