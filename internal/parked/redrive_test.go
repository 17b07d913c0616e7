package parked_test

import (
	"context"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/laban-io/laban/internal/parked"
	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
	"github.com/laban-io/laban/pkg/tracing"
)

// records reads the log until so many records of a kind are there.
func (p *place) records(t *testing.T, kind bus.RecordKind, n int) []bus.LogRecord {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var all []bus.LogRecord
	require.NoError(t, p.open().Tail(ctx, bus.First(), func(r bus.LogRecord) error {
		if r.Kind == kind {
			all = append(all, r)
		}
		if len(all) == n {
			cancel()
		}
		return nil
	}))
	require.Len(t, all, n)
	return all
}

func order(l *parked.Listing, messages ...parked.Message) parked.Order {
	return parked.Order{Messages: messages, Log: l.Log, Finished: l.Finished, By: "ann@desk", Reason: "the gateway is back", Rate: 1000}
}

func TestAMessageIsSentToItsOwnServiceAsItWas(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		payment, delivery := p.start(t, "payment", "stock.confirmed"), p.start(t, "delivery", "stock.confirmed")
		p.publish(t, "stock.confirmed", 2)
		list(t, p.desk(t), parked.Filter{}, 4)
		payment.mend()
		delivery.mend()

		spans := tracetest.NewInMemoryExporter()
		provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans))
		d, err := parked.New(parked.Config{Store: p.store, Tracer: provider.Tracer("test")})
		require.NoError(t, err)
		f := parked.Filter{Services: []string{"payment"}, IDs: []string{"1001"}}
		one := list(t, d, f, 1)
		report, err := d.Redrive(t.Context(), order(one, one.Messages...))
		require.NoError(t, err)
		require.Len(t, report.Done, 1)
		require.Eventually(t, func() bool { return len(payment.did()) == 1 }, 10*time.Second, 5*time.Millisecond)

		original := p.records(t, bus.RecordEvent, 2)[1]
		got := payment.did()[0]
		require.Equal(t, original.Event, got.Event, "the event is what it was")
		require.Equal(t, 1, got.attempt)
		for _, name := range []string{bus.HeaderAttempt, bus.HeaderError, bus.HeaderService, "BCC"} {
			require.NotContains(t, got.headers, name)
		}
		require.Equal(t, original.Headers["traceparent"], got.headers["traceparent"])
		span := spans.GetSpans()[0]
		require.Equal(t, tracing.Traceparent(span.SpanContext), got.headers[bus.HeaderRedrive])

		said := p.records(t, bus.RecordRedriven, 1)[0]
		require.Equal(t, "payment", said.Service)
		require.Equal(t, "ann@desk", said.Headers[bus.HeaderRedriveBy])
		require.Equal(t, "the gateway is back", said.Headers[bus.HeaderRedriveReason])
		require.Equal(t, "parked", said.Headers[bus.HeaderRedriveOf])

		require.Empty(t, list(t, d, parked.Filter{}, 3).Notes)
		require.Empty(t, delivery.did(), "it is nobody else's")
	})
}

// A message that fails again is parked again, and can be redriven again.
func TestWhatFailsAgainIsParkedAgain(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		payment := p.start(t, "payment", "stock.confirmed")
		p.publish(t, "stock.confirmed", 1)
		d := p.desk(t)
		first := list(t, d, parked.Filter{}, 1)
		for range 2 {
			l := list(t, d, parked.Filter{}, 1)
			report, err := d.Redrive(t.Context(), order(l, l.Messages...))
			require.NoError(t, err)
			require.Len(t, report.Done, 1)
			require.Eventually(t, func() bool {
				again, err := d.List(t.Context(), parked.Filter{}, nil)
				require.NoError(t, err)
				return len(again.Messages) == 1 && again.Messages[0].Before != l.Messages[0].Before
			}, 20*time.Second, 20*time.Millisecond)
		}
		payment.mend()
		stale, err := d.Redrive(t.Context(), order(first, first.Messages...))
		require.NoError(t, err)
		require.Empty(t, stale.Done, "that copy was sent long ago")
		require.Len(t, stale.Gone, 1)
		l := list(t, d, parked.Filter{}, 1)
		_, err = d.Redrive(t.Context(), order(l, l.Messages...))
		require.NoError(t, err)
		require.Eventually(t, func() bool { return len(payment.did()) == 1 }, 10*time.Second, 5*time.Millisecond)
		list(t, d, parked.Filter{}, 0)
	})
}

func TestDiscardingNeedsAReasonAndSaysItInTheLog(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		p.start(t, "payment", "stock.confirmed")
		p.publish(t, "stock.confirmed", 2)
		d := p.desk(t)
		l := list(t, d, parked.Filter{}, 2)
		o := order(l, l.Messages[0])
		o.Reason = ""
		_, err := d.Discard(t.Context(), o)
		require.ErrorContains(t, err, "say why")
		o.Reason = "a test order"
		report, err := d.Discard(t.Context(), o)
		require.NoError(t, err)
		require.Len(t, report.Done, 1)
		left := list(t, d, parked.Filter{}, 1)
		require.Equal(t, l.Messages[1].Ref(), left.Messages[0].Ref())
		require.Empty(t, left.Notes)
	})
}

// An unrouted event goes to who asks for it by now, and is told of in the log
// without being a new event.
func TestAnUnroutedEventIsPublishedAgain(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		p.start(t, "delivery", "payment.confirmed")
		p.publish(t, "stock.confirmed", 1)
		d := p.desk(t)
		f := parked.Filter{Kinds: []parked.Kind{parked.Unrouted}}
		l := list(t, d, f, 1)
		payment := p.start(t, "payment", "stock.confirmed")
		payment.mend()
		report, err := d.Redrive(t.Context(), order(l, l.Messages...))
		require.NoError(t, err)
		require.Len(t, report.Done, 1)
		require.Eventually(t, func() bool { return len(payment.did()) == 1 }, 10*time.Second, 5*time.Millisecond)
		require.Equal(t, l.Messages[0].ID, payment.did()[0].ID)
		require.Equal(t, "unrouted", p.records(t, bus.RecordRedriven, 1)[0].Headers[bus.HeaderRedriveOf])
		list(t, d, f, 0)
		p.records(t, bus.RecordEvent, 1)
	})
}

// While the service's queue is missing, a message stays where it is.
func TestWithoutAQueueNothingIsSent(t *testing.T) {
	p := rabbitMQ(t, "events")
	payment := p.start(t, "payment", "stock.confirmed")
	p.publish(t, "stock.confirmed", 1)
	d := p.desk(t)
	l := list(t, d, parked.Filter{}, 1)
	payment.stop()
	p.broker.DeleteQueue(t, "payment")
	_, err := d.Redrive(t.Context(), order(l, l.Messages...))
	require.ErrorIs(t, err, parked.ErrNowhere)
	require.ErrorContains(t, err, "there is no queue payment")
	left := list(t, d, parked.Filter{Services: []string{"payment"}}, 1)
	require.Empty(t, left.Notes)
	require.Equal(t, l.Messages[0].Ref(), left.Messages[0].Ref(), "it was not even tried")
}

// A queue that refuses a message does not take it from the parked ones, though
// the log has a copy of it.
func TestWhatAQueueRefusesStaysParked(t *testing.T) {
	p := rabbitMQ(t, "events")
	payment := p.start(t, "payment", "stock.confirmed")
	p.publish(t, "stock.confirmed", 1)
	d := p.desk(t)
	l := list(t, d, parked.Filter{}, 1)
	payment.stop()
	p.broker.DeleteQueue(t, "payment")
	p.broker.DeclareQueue(t, "payment", amqp.Table{"x-queue-type": "quorum", "x-max-length": 1, "x-overflow": "reject-publish"})
	ch := p.channel(t)
	require.NoError(t, ch.Confirm(false))
	for taken := true; taken; {
		c, err := ch.PublishWithDeferredConfirm("", "payment", false, false, amqp.Publishing{})
		require.NoError(t, err)
		taken = c.Wait()
	}
	_, err := d.Redrive(t.Context(), order(l, l.Messages...))
	require.ErrorIs(t, err, bus.ErrRejected)
	p.records(t, bus.RecordRedriven, 1)
	l = list(t, d, parked.Filter{}, 1)
	require.Empty(t, l.Notes)
	require.Contains(t, l.Messages[0].Error, "it was to be sent again")

	p.broker.PurgeQueue(t, "payment")
	report, err := d.Redrive(t.Context(), order(l, l.Messages...))
	require.NoError(t, err)
	require.Len(t, report.Done, 1)
	require.Equal(t, 1, p.broker.QueueLength(t, "payment"))
	require.Empty(t, list(t, d, parked.Filter{}, 0).Notes)
}

// What was sent and not removed, because the program ended in between, is removed
// and not sent.
func TestWhatWasSentIsNotSentAgain(t *testing.T) {
	p := rabbitMQ(t, "events")
	payment := p.start(t, "payment", "stock.confirmed")
	p.publish(t, "stock.confirmed", 2)
	d := p.desk(t)
	l := list(t, d, parked.Filter{}, 2)
	payment.mend()

	s, err := p.store.Open(t.Context(), parked.Box{Kind: parked.Parked, Service: "payment"})
	require.NoError(t, err)
	_, err = p.store.Open(t.Context(), parked.Box{Kind: parked.Parked, Service: "payment"})
	require.ErrorIs(t, err, parked.ErrBusy)
	_, err = s.Next(t.Context())
	require.NoError(t, err)
	require.NoError(t, s.Send(t.Context(), parked.Mark{Redrive: "cut off", By: "ann"}))
	require.NoError(t, s.Close())

	// Somebody who looked before, and somebody who looks now.
	report, err := d.Redrive(t.Context(), order(l, l.Messages...))
	require.NoError(t, err)
	require.Len(t, report.Done, 1)
	require.Len(t, report.Gone, 1)
	require.Equal(t, 1, report.Finished)
	require.Eventually(t, func() bool { return len(payment.did()) == 2 }, 10*time.Second, 5*time.Millisecond)
	require.Empty(t, list(t, d, parked.Filter{}, 0).Notes)
	require.NotEqual(t, payment.did()[0].ID, payment.did()[1].ID)
}

// A copy that was lost goes to the service that it was for.
func TestALostCopyGoesToItsService(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		payment := p.start(t, "payment", "stock.confirmed")
		p.observe(t)
		p.loseParked(t, "payment")
		p.publish(t, "stock.confirmed", 1)
		d := p.desk(t)
		l := list(t, d, parked.Filter{}, 1)
		require.Equal(t, parked.Lost, l.Messages[0].Kind)
		require.Equal(t, "payment", l.Messages[0].Service)
		payment.mend()
		report, err := d.Redrive(t.Context(), order(l, l.Messages...))
		require.NoError(t, err)
		require.Len(t, report.Done, 1)
		require.Eventually(t, func() bool { return len(payment.did()) == 1 }, 10*time.Second, 5*time.Millisecond)
		require.Empty(t, list(t, d, parked.Filter{}, 0).Notes)
	})
}

// A message that is no event has no id but its content, and goes the same way.
func TestWhatIsNoEventCanBeSentAgain(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		payment := p.start(t, "payment", "stock.confirmed")
		p.publishRaw(t, "stock.confirmed", "no event")
		p.publishRaw(t, "stock.confirmed", "no event either")
		d := p.desk(t)
		l := list(t, d, parked.Filter{}, 2)
		require.NotEqual(t, l.Messages[0].ID, l.Messages[1].ID)
		require.NotEmpty(t, l.Messages[0].Malformed)
		payment.mend()
		report, err := d.Redrive(t.Context(), order(l, l.Messages[0]))
		require.NoError(t, err)
		require.Len(t, report.Done, 1)
		// It is no event still.
		require.Eventually(t, func() bool {
			again := list(t, d, parked.Filter{}, 2)
			return again.Messages[0].Before == "" && again.Messages[1].Before != "" && again.Messages[1].ID == l.Messages[0].ID
		}, 20*time.Second, 50*time.Millisecond)
		l = list(t, d, parked.Filter{}, 2)
		o := order(l, l.Messages...)
		o.Reason = "nobody can read them"
		report, err = d.Discard(t.Context(), o)
		require.NoError(t, err)
		require.Len(t, report.Done, 2)
		require.Empty(t, list(t, d, parked.Filter{}, 0).Notes)
	})
}

// Two copies of one event that both were parked are told apart by how many there
// are: none is lost, and each is sent once.
func TestTwoCopiesOfOneEvent(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		payment := p.start(t, "payment", "stock.confirmed")
		b, err := bus.New(bus.Config{Service: "order", Logger: quiet()}, p.open())
		require.NoError(t, err)
		e := event.New("stock.confirmed", nil)
		e.ID = event.NewID()
		for range 2 {
			require.NoError(t, b.Publish(t.Context(), e))
		}
		d := p.desk(t)
		l := list(t, d, parked.Filter{}, 2)
		payment.mend()
		for n := 1; n <= 2; n++ {
			report, err := d.Redrive(t.Context(), order(l, l.Messages[0]))
			require.NoError(t, err)
			require.Len(t, report.Done, 1)
			require.Zero(t, report.Finished)
			require.Eventually(t, func() bool { return len(payment.did()) == n }, 10*time.Second, 5*time.Millisecond)
			l = list(t, d, parked.Filter{}, 2-n)
		}
		require.Empty(t, l.Notes)
	})
}
