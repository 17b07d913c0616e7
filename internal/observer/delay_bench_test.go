package observer_test

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/observer"
	"github.com/laban-io/laban/internal/testenv"
	"github.com/laban-io/laban/pkg/amqpbus"
	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
	"github.com/laban-io/laban/pkg/flow"
)

const (
	delayRate  = 2000                   // events a second
	delayTick  = 10 * time.Millisecond  // between bursts
	delayAfter = 200 * time.Millisecond // from an event to its answer
	stuckEvery = 50                     // of so many orders one is never answered
)

// BenchmarkDetectionDelay publishes 2,000 events a second, of orders of which one
// in fifty stalls, and measures how long after its deadline each stall is told:
// to whoever follows the API's events, when the ledger has it. Beside that it
// tells how long that is after the order was published, less the second within
// which it was to be answered. One operation is one event.
func BenchmarkDetectionDelay(b *testing.B) {
	broker := testenv.RabbitMQ(b)
	quiet := slog.New(slog.DiscardHandler)
	l := openLedger(b, "sqlite:"+filepath.Join(b.TempDir(), "ledger.db"))
	b.Cleanup(func() { require.NoError(b, l.Close()) })
	cfg := observerConfig(b, broker, l, options{})
	cfg.Logger = quiet
	o, err := observer.New(cfg)
	require.NoError(b, err)
	var works sync.WaitGroup
	ctx, cancel := context.WithCancel(context.Background())
	b.Cleanup(works.Wait)
	b.Cleanup(cancel)
	works.Go(func() {
		if err := o.Run(ctx); err != nil {
			b.Errorf("observe: %v", err)
		}
	})
	transport, err := amqpbus.Open(b.Context(), amqpbus.Config{URLs: []string{broker.URL}, Logger: quiet})
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, transport.Close(context.Background())) })
	p := &delayed{b: b, transport: transport, published: map[string]time.Time{}}
	p.sink(broker)
	require.Eventually(b, func() bool {
		s := o.Status()
		return s.Role == observer.Active && s.Blind == observer.NotBlind && s.Log.ID != ""
	}, patience, 20*time.Millisecond)

	transitions, end := o.Subscribe(1_000_000)
	defer end()
	told := make(chan stallTold, 100_000)
	works.Go(func() {
		for tr := range transitions {
			if tr.Kind == flow.Overdue && tr.Due.Service == "payment" {
				told <- stallTold{tr.Key, time.Now(), tr.Due.Deadline}
			}
		}
	})
	b.ResetTimer()
	began := time.Now()
	p.publish(b.N)
	rate := float64(b.N) / time.Since(began).Seconds()
	b.StopTimer()
	var late, sincePublished []time.Duration
	for len(late) < p.stuck {
		select {
		case s := <-told:
			// On a machine that is too busy others are answered too late.
			if published, ours := p.published[s.key]; ours {
				late = append(late, s.at.Sub(s.deadline))
				sincePublished = append(sincePublished, s.at.Sub(published)-time.Second)
			}
		case <-time.After(patience):
			b.Fatalf("%d of %d stalls were told", len(late), p.stuck)
		}
	}
	require.NoError(b, p.failed())
	if len(late) == 0 {
		return
	}
	for name, all := range map[string][]time.Duration{"after-deadline": late, "after-publish": sincePublished} {
		slices.Sort(all)
		ms := func(i int) float64 { return float64(all[min(i, len(all)-1)].Microseconds()) / 1000 }
		b.ReportMetric(ms(len(all)/2), "p50-ms-"+name)
		b.ReportMetric(ms(len(all)*99/100), "p99-ms-"+name)
		b.ReportMetric(ms(len(all)), "max-ms-"+name)
	}
	b.ReportMetric(float64(len(late)), "stalls")
	b.ReportMetric(rate, "events/s")
	b.ReportMetric(0, "ns/op")
}

// stallTold is a stall, and when it was told.
type stallTold struct {
	key          string
	at, deadline time.Time
}

// delayed publishes orders as their services would.
type delayed struct {
	b         *testing.B
	transport *amqpbus.Transport
	published map[string]time.Time // of orders that are never answered
	stuck     int
	sent      sync.WaitGroup

	mu  sync.Mutex
	err error
}

// sink takes every event and keeps none, so that none is unrouted.
func (p *delayed) sink(broker *testenv.Broker) {
	p.event("web", "noise", "", "")
	p.sent.Wait() // the transport has declared its exchanges
	ch := broker.Channel(p.b)
	_, err := ch.QueueDeclare("sink", false, true, true, false, amqp.Table{"x-max-length": 1})
	require.NoError(p.b, err)
	require.NoError(p.b, ch.QueueBind("sink", "#", "events.route", false, nil))
}

// publish publishes n events at the rate.
func (p *delayed) publish(n int) {
	type answer struct {
		at                        time.Time
		service, eventType, order string
		cause                     string
	}
	var answers []answer
	next := time.NewTicker(delayTick)
	defer next.Stop()
	began, events, orders := time.Now(), 0, 0
	for events < n {
		now := <-next.C
		// The ticker leaves out what the machine is too busy for.
		for due := min(n, int(now.Sub(began).Seconds()*delayRate)); events < due; events++ {
			if len(answers) > 0 && !answers[0].at.After(now) {
				a := answers[0]
				answers = answers[1:]
				id := p.event(a.service, a.eventType, a.order, a.cause)
				if a.service == "payment" {
					answers = append(answers, answer{now.Add(delayAfter), "delivery", "order.shipped", a.order, id})
				}
				continue
			}
			orders++
			order := fmt.Sprintf("o-%d", orders)
			if orders%stuckEvery == 0 {
				p.stuck++
				p.published[order] = time.Now()
				p.event("web", "order.placed", order, "")
				continue
			}
			id := p.event("web", "order.placed", order, "")
			answers = append(answers, answer{now.Add(delayAfter), "payment", "payment.confirmed", order, id})
		}
	}
	for _, a := range answers { // what is left is answered in time
		p.event(a.service, a.eventType, a.order, a.cause)
		if a.service == "payment" {
			p.event("delivery", "order.shipped", a.order, a.cause)
		}
	}
	p.sent.Wait()
}

func (p *delayed) event(service, eventType, order, cause string) string {
	id, now := event.NewID(), time.Now()
	e := event.Event{ID: id, Source: service, Type: eventType, Subject: order, Time: now, CausationID: cause}
	if order != "" {
		e.FlowName, e.FlowID = "shop", order
	}
	p.sent.Add(1)
	p.transport.Send(p.b.Context(), &bus.Message{RoutingKey: eventType, Event: e}, func(err error) {
		defer p.sent.Done()
		if err != nil {
			p.mu.Lock()
			p.err = err
			p.mu.Unlock()
		}
	})
	return id
}

func (p *delayed) failed() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}
