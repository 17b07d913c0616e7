package bustest

import (
	"context"
	"encoding/json"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
)

// testFlow: flow, causation, trigger time and version travel from a handler to
// what it publishes, without the service doing anything, also on a second
// attempt.
func testFlow(s *stage) {
	delivery := s.record()
	s.serve(bus.Config{Service: "delivery"}, delivery.handle, "payment.confirmed")
	received := make(chan time.Time, 2)
	payment, t := s.newBus(bus.Config{Service: "payment", Version: "1.4.2"})
	payment.HandleFunc(func(ctx context.Context, e event.Event) error {
		d := bus.DeliveryFrom(ctx)
		received <- d.Received
		if d.Attempt == 1 {
			return errBoom
		}
		return payment.Publish(ctx, event.New("payment.confirmed", map[string]int{"amount": 4900}))
	}, "order.placed")
	s.run(payment, t)

	order := s.publisher()
	ctx, flow := order.StartFlow(s.patience(), "order", "1042")
	placed := made("order.placed")
	before := time.Now().Round(0)
	s.publishIn(ctx, order, placed)

	got := delivery.wait(1)[0]
	first, second := receive(s, received, "first attempt"), receive(s, received, "second attempt")
	require.False(s, first.Before(before))
	require.Equal(s, "payment", got.Source)
	require.Equal(s, "1.4.2", got.ServiceVersion)
	require.Equal(s, "order", got.FlowName)
	require.Equal(s, flow.ID, got.FlowID)
	require.Equal(s, "1042", got.Subject)
	require.Equal(s, placed.ID, got.CausationID)
	require.True(s, got.TriggerTime.Equal(second.Round(0)), "the trigger time is when the attempt that emitted it began: %v, not %v", second, got.TriggerTime)
	require.False(s, got.Time.Before(got.TriggerTime))
}

func (s *stage) publishIn(ctx context.Context, b *bus.Bus, e event.Event) {
	s.Helper()
	require.NoError(s, b.Publish(ctx, e))
}

// testAnnouncement: a service that starts says in the log who it is, what it
// asks for and what it emits; no service receives that.
func testAnnouncement(s *stage) {
	audit := s.record()
	s.serve(bus.Config{Service: "audit", Concurrency: 1}, audit.handle, "#")
	before := time.Now().Add(-time.Second)
	s.serve(bus.Config{
		Service: "payment", Version: "1.4.2", Instance: "payment-7",
		Emits:       []string{"payment.confirmed", "payment.rejected"},
		RetryLevels: []time.Duration{20 * time.Millisecond, time.Second},
	}, s.record().handle, "stock.confirmed", "order.*")

	var said bus.Announcement
	s.log(func(all []bus.LogRecord) bool {
		for _, r := range all {
			if r.Event.Type == bus.AnnouncementType && r.Event.Source == "payment" {
				require.NoError(s, json.Unmarshal(r.Event.Data, &said))
				require.Equal(s, "1.4.2", r.Event.ServiceVersion)
				return true
			}
		}
		return false
	}, direct)
	require.WithinRange(s, said.Started, before, time.Now())
	said.Started = time.Time{}
	require.Equal(s, bus.Announcement{
		Service: "payment", Version: "1.4.2", Instance: "payment-7", Queue: "payment",
		Bindings: []string{"stock.confirmed", "order.*"}, Emits: []string{"payment.confirmed", "payment.rejected"},
		RetryLevels: []int64{20, 1000},
	}, said)

	last := made(fence)
	s.publish(s.publisher(), last)
	require.Equal(s, []string{last.ID}, ids(audit.until(last.ID)))
	require.Empty(s, s.broker.Unrouted(s))
}

// testAnnouncementOfPublisher: a service without handlers announces itself, too.
func testAnnouncementOfPublisher(s *stage) {
	b, t := s.newBus(bus.Config{Service: "order", Emits: []string{"order.placed"}})
	s.run(b, t)
	records := s.log(func(all []bus.LogRecord) bool { return len(all) > 0 }, direct)
	var said bus.Announcement
	require.NoError(s, json.Unmarshal(records[0].Event.Data, &said))
	require.Equal(s, "order", said.Service)
	require.Empty(s, said.Queue)
	require.Equal(s, []string{"order.placed"}, said.Emits)
}
