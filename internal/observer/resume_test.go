package observer_test

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/ledger"
	"github.com/laban-io/laban/internal/observer"
	"github.com/laban-io/laban/internal/observer/source"
	"github.com/laban-io/laban/internal/testenv"
	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
	"github.com/laban-io/laban/pkg/flow"
)

// replayed builds a ledger from the log up to where another one is.
func replayed(t *testing.T, b *testenv.Broker, like *ledger.Ledger, o options) string {
	t.Helper()
	head, err := like.Head(t.Context())
	require.NoError(t, err)
	l := openLedger(t, "sqlite:"+filepath.Join(t.TempDir(), "replay.db"))
	defer func() { require.NoError(t, l.Close()) }()
	obs, err := observer.New(observerConfig(t, b, l, o))
	require.NoError(t, err)
	require.NoError(t, obs.Replay(t.Context(), source.Place{}, head.Position.Next))
	return dump(t, l)
}

// TestAContractThatIsLearnedLaterJudgesTheWholeLog: an observer ran without a
// contract until there was one. What had stopped by then is found.
func TestAContractThatIsLearnedLaterJudgesTheWholeLog(t *testing.T) {
	b := testenv.RabbitMQ(t)
	o := options{ledger: "sqlite:" + filepath.Join(t.TempDir(), "ledger.db"), noContract: true}
	w := watch(t, b, o)
	web, _ := service(t, b, "web", nil, nil)
	payment, _ := service(t, b, "payment", nil, map[string]reaction{"order.placed": func(context.Context, *bus.Bus, event.Event) error {
		return bus.Permanent(errors.New("no such card"))
	}})
	<-payment.Consuming()
	w.sees(t)
	place(t, web, "a")
	require.Eventually(t, func() bool { return strings.Contains(dump(t, w.ledger), "no such card") }, patience, 50*time.Millisecond)
	w.stop()

	o.noContract = false
	w = watch(t, b, o)
	w.becomes(t, "a", flow.Stalled)
	w.cause(t, "a", flow.Parked)
	require.Equal(t, 1, strings.Count(dump(t, w.ledger), `"table":"failures"`), "it is the same")
	w.sees(t)
	w.stop()
	l := openLedger(t, o.ledger)
	defer func() { require.NoError(t, l.Close()) }()
	require.Equal(t, replayed(t, b, l, o), dump(t, l))
}

// patientShop gives services that answer the time they need on a busy machine.
const patientShop = `
choreography: shop
starts: [order.placed]
outcomes: {completed: [order.shipped], failed: [payment.rejected]}
reactions:
  - {service: web, emits: [order.placed, gift.asked]}
  - {service: payment, on: [order.placed], emits: [payment.confirmed, payment.rejected], within: 120s}
  - {service: delivery, on: [payment.confirmed], emits: [order.shipped], within: 120s}
  - {service: wrapping, on: [gift.asked], emits: [gift.wrapped], within: 1s}
`

// TestARestartInTheMiddleOfFlowsLosesNothing: an observer is stopped while flows
// are under way, and goes on where it was; a replay of the log gives the same.
func TestARestartInTheMiddleOfFlowsLosesNothing(t *testing.T) {
	b := testenv.RabbitMQ(t)
	o := options{ledger: "sqlite:" + filepath.Join(t.TempDir(), "ledger.db"), contract: patientShop}
	w := watch(t, b, o)
	web, _ := service(t, b, "web", nil, nil)
	service(t, b, "payment", nil, map[string]reaction{"order.placed": answers("payment.confirmed")})
	w.sees(t)
	ctx, _ := web.StartFlow(t.Context(), "shop", "a")
	for _, typ := range []string{"order.placed", "gift.asked"} {
		require.NoError(t, web.Publish(ctx, event.New(typ, nil).WithSubject("a")))
	}
	w.becomes(t, "a", flow.Stalled) // nobody wraps
	place(t, web, "b")
	w.becomes(t, "b", flow.Running)
	w.stop()

	service(t, b, "delivery", nil, map[string]reaction{"payment.confirmed": answers("order.shipped")})
	place(t, web, "c")
	w = watch(t, b, o)
	w.sees(t)
	for _, key := range []string{"b", "c"} {
		place(t, web, key+"2")
		f := w.becomes(t, key+"2", flow.Completed)
		require.Zero(t, f.Stalls)
	}
	require.Zero(t, w.Status().Log.Gaps)
	w.stop()

	l := openLedger(t, o.ledger)
	defer func() { require.NoError(t, l.Close()) }()
	live := dump(t, l)
	require.Contains(t, live, `"order.shipped"`)
	require.Equal(t, live, replayed(t, b, l, o))
}

// TestASecondObserverTakesOver: it stands by while the first one runs, and goes
// on from the ledger within seconds when that one goes.
func TestASecondObserverTakesOver(t *testing.T) {
	b := testenv.RabbitMQ(t)
	o := options{ledger: "sqlite:" + filepath.Join(t.TempDir(), "ledger.db")}
	first := watch(t, b, o)
	first.sees(t)
	web, _ := service(t, b, "web", nil, nil)
	place(t, web, "a")
	first.becomes(t, "a", flow.Stalled)

	second := watch(t, b, o)
	require.Eventually(t, func() bool { return second.Status().Role == observer.Standby }, patience, 20*time.Millisecond)
	require.Empty(t, second.Survey().Stalled)
	require.Equal(t, observer.Active, first.Status().Role)

	first.stop()
	began := time.Now()
	second.sees(t)
	require.Less(t, time.Since(began), patience)
	require.Eventually(t, func() bool { return len(second.Survey().Stalled) == 1 }, patience, 20*time.Millisecond)
	place(t, web, "b")
	second.becomes(t, "b", flow.Stalled)
	require.Zero(t, second.Status().Log.Gaps)
}

// TestALogThatWasMadeAnewIsAGap: nothing is claimed of flows that were under
// way, and what comes in the new log is tracked.
func TestALogThatWasMadeAnewIsAGap(t *testing.T) {
	for name, after := range map[string]struct {
		running bool // while it is made anew
		records int  // that the new log has by then
	}{"while observed": {running: true}, "while not": {}, "while not, and it is longer": {records: 500}} {
		t.Run(name, func(t *testing.T) {
			running := after.running
			b := testenv.RabbitMQ(t)
			o := options{ledger: "sqlite:" + filepath.Join(t.TempDir(), "ledger.db")}
			w := watch(t, b, o)
			w.sees(t)
			web, stopWeb := service(t, b, "web", nil, nil)
			place(t, web, "a")
			w.becomes(t, "a", flow.Stalled)
			first := w.Status().Log.ID
			if !running {
				w.stop()
			}
			b.DeleteQueue(t, "events.log")
			stopWeb()
			if after.records > 0 {
				again, stop := service(t, b, "web", nil, nil)
				for range after.records {
					require.NoError(t, again.Publish(t.Context(), event.New("noise", nil)))
				}
				stop()
			}
			if !running {
				w = watch(t, b, o)
			}
			w.becomes(t, "a", flow.Unknown)
			require.EqualValues(t, 1, w.Status().Log.Gaps, "what the ledger has is told")
			require.NotEqual(t, first, w.Status().Log.ID)
			w.sees(t)
			require.EqualValues(t, 1, w.Status().Log.Gaps)
			web, _ = service(t, b, "web", nil, nil)
			place(t, web, "b")
			w.becomes(t, "b", flow.Stalled)
		})
	}
}

// flood publishes messages until a small stream has dropped its first ones. A
// broker drops whole segments, some time after it has begun another one, and what
// it was given at once is in one of them: so few at a time.
func flood(t *testing.T, b *testenv.Broker, exchange, stream string) {
	t.Helper()
	ch := b.Channel(t)
	require.NoError(t, ch.Confirm(false))
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for first := int64(0); first < 500; first = firstOffset(t, b, stream) {
		for range 20 {
			var last *amqp.DeferredConfirmation
			for range 50 {
				var err error
				last, err = ch.PublishWithDeferredConfirmWithContext(ctx, exchange, "noise", false, false, amqp.Publishing{
					MessageId: "noise", Type: "noise", Body: make([]byte, 1000),
				})
				require.NoError(t, err)
			}
			_, err := last.WaitContext(ctx)
			require.NoError(t, err)
		}
	}
}

// firstOffset is that of the first record that a stream has.
func firstOffset(t *testing.T, b *testenv.Broker, stream string) int64 {
	t.Helper()
	ch := b.Channel(t)
	defer ch.Close()
	require.NoError(t, ch.Qos(1, 0, false))
	deliveries, err := ch.Consume(stream, "", false, false, false, false, amqp.Table{"x-stream-offset": "first"})
	require.NoError(t, err)
	select {
	case d := <-deliveries:
		offset, ok := d.Headers["x-stream-offset"].(int64)
		require.True(t, ok)
		return offset
	case <-time.After(patience):
		require.Fail(t, "the stream is silent")
		return 0
	}
}

// TestRecordsThatWereDroppedAreAGap: the log has lost its beginning, and with it
// records that were never read.
func TestRecordsThatWereDroppedAreAGap(t *testing.T) {
	b := testenv.RabbitMQ(t)
	b.DeclareQueue(t, "events.log", amqp.Table{"x-queue-type": "stream", "x-max-length-bytes": 200_000, "x-stream-max-segment-size-bytes": 50_000})
	o := options{ledger: "sqlite:" + filepath.Join(t.TempDir(), "ledger.db")}
	w := watch(t, b, o)
	w.sees(t)
	web, _ := service(t, b, "web", nil, nil)
	place(t, web, "a")
	w.becomes(t, "a", flow.Stalled)
	w.stop()

	flood(t, b, "events", "events.log")

	w = watch(t, b, o)
	w.becomes(t, "a", flow.Unknown)
	w.sees(t)
	require.EqualValues(t, 1, w.Status().Log.Gaps)
}
