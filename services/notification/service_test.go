package notification_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/laban-io/laban/internal/chassis"
	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
	"github.com/laban-io/laban/services/internal/servicetest"
	"github.com/laban-io/laban/services/notification"
	"github.com/laban-io/laban/services/notification/mailer"
)

// changes are the types of the contract, with the service that emits each.
func changes() map[string]string {
	return map[string]string{
		"order.placed": "order", "stock.confirmed": "inventory", "stock.rejected": "inventory",
		"payment.confirmed": "payment", "payment.rejected": "payment", "order.shipped": "delivery",
		"delivery.failed": "delivery", "order.canceled": "delivery", "order.cancel_refused": "delivery",
		"refund.processed": "payment",
	}
}

func changeOf(eventType, orderID string) event.Event {
	return servicetest.Event(changes()[eventType], eventType, orderID, map[string]any{
		"order_id": orderID, "customer_email": "jane@example.com", "reason": "for a reason",
		"amount": 4900, "currency": "EUR", "tracking_number": "LB7", "payment_token": "tok_approved",
	})
}

// counter is a mail server in memory, which can be made to fail.
type counter struct {
	mailer.Recorder
	faults servicetest.Faults
}

func (c *counter) Send(ctx context.Context, m mailer.Mail) error {
	_, err := servicetest.Step(&c.faults, func() (struct{}, error) { return struct{}{}, c.Recorder.Send(ctx, m) })
	return err
}

// to returns the different mails about an order, by Message-ID, and requires
// that copies of one are alike.
func (c *counter) about(t require.TestingT, n *notification.Notification, orderID string) map[string]mailer.Mail {
	known, err := n.Mails(context.Background())
	require.NoError(t, err)
	ids := map[string]bool{}
	for _, m := range known {
		if m.OrderID == orderID {
			ids[m.ID] = true
		}
	}
	different := map[string]mailer.Mail{}
	for _, m := range c.Mails() {
		if !ids[m.ID] {
			continue
		}
		if other, ok := different[m.ID]; ok {
			require.Equal(t, string(other.Compose("a@b.example")), string(m.Compose("a@b.example")))
		}
		different[m.ID] = m
	}
	return different
}

func setup(t *testing.T, url string) (*servicetest.Bench, *notification.Notification, *counter) {
	c := &counter{}
	n := notification.New(notification.Settings{Timeout: 5 * time.Second}, c)
	return servicetest.New(t, url, n.Spec()), n, c
}

func TestEachChangeIsMailedOnceAndSaidSo(t *testing.T) {
	servicetest.EachDatabase(t, func(t *testing.T, url string) {
		b, n, c := setup(t, url)
		for eventType := range changes() {
			e := changeOf(eventType, "1042")
			b.Handle(t, e)
			b.Handle(t, e)
			emitted := b.Emitted(t, "1042")
			last := emitted[len(emitted)-1]
			require.Equal(t, "notification.sent", last.Type)
			require.Equal(t, e.ID, last.CausationID)
			require.JSONEq(t, `{"order_id":"1042","about":"`+eventType+`","to":"jane@example.com","event_id":"`+e.ID+`"}`, string(last.Data))
		}
		require.Len(t, b.Emitted(t, "1042"), 10)
		require.Len(t, c.Mails(), 10)
		require.Len(t, c.about(t, n, "1042"), 10)
		all, err := n.Mails(t.Context())
		require.NoError(t, err)
		require.Len(t, all, 10)
		for _, m := range all {
			require.True(t, m.Sent)
		}
	})
}

// Any order, any number of copies, several processes at a time, a failure at
// any commit and at any mail.
func TestAnyHistoryEndsRight(t *testing.T) {
	servicetest.EachDatabase(t, func(t *testing.T, url string) {
		b, n, c := setup(t, url)
		var types []string
		for eventType := range changes() {
			types = append(types, eventType)
		}
		rapid.Check(t, func(t *rapid.T) {
			orderID := event.NewID()
			var events []event.Event
			for _, eventType := range rapid.SliceOfN(rapid.SampledFrom(types), 1, 5).Draw(t, "changes") {
				events = append(events, changeOf(eventType, orderID))
			}
			b.Faults.Plan(servicetest.DrawPlan(t)...)
			c.faults.Plan(servicetest.DrawPlan(t)...)
			b.HandleAll(t, rapid.IntRange(1, 4).Draw(t, "processes"), servicetest.DrawSequence(t, events)...)
			b.Faults.Plan()
			c.faults.Plan()

			told := map[string]int{}
			for _, e := range b.Emitted(t, orderID) {
				var data struct {
					EventID string `json:"event_id"`
				}
				require.NoError(t, e.Decode(&data))
				told[data.EventID]++
			}
			want := map[string]int{}
			for _, e := range events {
				want[e.ID] = 1
			}
			require.Equal(t, want, told, "notification.sent, once for each change")
			require.Len(t, c.about(t, n, orderID), len(events), "one mail a change")
		})
	})
}

// Without failures and without two processes at a time there is no copy at all.
func TestADuplicateIsNotMailedAgain(t *testing.T) {
	b, _, c := setup(t, servicetest.SQLite(t))
	e := changeOf("order.shipped", "1042")
	for range 5 {
		b.Handle(t, e)
	}
	require.Len(t, c.Mails(), 1)
}

func TestAMailThatWasSentBeforeACrashIsTheSameMailAgain(t *testing.T) {
	b, n, c := setup(t, servicetest.SQLite(t))
	e := changeOf("order.shipped", "1042")
	e.Time = e.Time.Add(-time.Hour)
	c.faults.Plan(servicetest.After)
	require.Equal(t, bus.RetryLater, b.Deliver(t.Context(), e).Action)
	require.False(t, b.Handled(t, e))
	b.Handle(t, e)
	require.True(t, b.Handled(t, e))
	require.Len(t, c.Mails(), 2)
	require.Equal(t, e.Time, c.Mails()[1].Date, "it is about the event, whenever it is sent")
	require.Len(t, c.about(t, n, "1042"), 1)
}

// refusing is a mail server that says no.
type refusing struct{ err error }

func (r refusing) Send(context.Context, mailer.Mail) error { return r.err }

func TestARefusedMailIsParkedAndAnUnansweredOneRetried(t *testing.T) {
	for want, err := range map[bus.Action]error{
		bus.Park:       &mailer.Refused{Code: 550, Reply: "no such user"},
		bus.RetryLater: errors.New("connection reset"),
	} {
		n := notification.New(notification.Settings{Timeout: time.Second}, refusing{err})
		b := servicetest.New(t, servicetest.SQLite(t), n.Spec())
		v := b.Deliver(t.Context(), changeOf("order.shipped", "1042"))
		require.Equal(t, want, v.Action)
		require.ErrorIs(t, v.Err, err)
		all, err := n.Mails(t.Context())
		require.NoError(t, err)
		require.Len(t, all, 1)
		require.False(t, all[0].Sent)
	}
}

func TestAMailServerThatSaysNothingIsAskedAgain(t *testing.T) {
	n := notification.New(notification.Settings{Timeout: 10 * time.Millisecond}, silent{})
	b := servicetest.New(t, servicetest.SQLite(t), n.Spec())
	v := b.Deliver(t.Context(), changeOf("order.shipped", "1042"))
	require.Equal(t, bus.RetryLater, v.Action)
	require.ErrorContains(t, v.Err, "no answer within MAIL_TIMEOUT")
}

type silent struct{}

func (silent) Send(ctx context.Context, _ mailer.Mail) error {
	<-ctx.Done()
	return context.Cause(ctx)
}

func TestABrokenContractIsParked(t *testing.T) {
	b, _, c := setup(t, servicetest.SQLite(t))
	with := func(orderID, address string) event.Event {
		return servicetest.Event("order", "order.placed", "1042", map[string]any{"order_id": orderID, "customer_email": address})
	}
	for _, e := range []event.Event{
		servicetest.Event("order", "order.placed", "1042", nil),
		with("", "jane@example.com"),
		with("a\x00b", "jane@example.com"),
		with("1042", ""),
		with("1042", "jane"),
		with("1042", "jane@example.com\r\nBcc: all@example.com"),
		with("1042", "jane@example.com, joe@example.com"),
	} {
		v := b.Deliver(t.Context(), e)
		require.Equal(t, bus.Park, v.Action, "%s: %v", e.Data, v.Err)
		require.ErrorIs(t, v.Err, event.ErrData)
		require.NotContains(t, v.Err.Error(), "@", "an address is nobody else's business")
	}
	require.Empty(t, c.Mails())
}

func TestWhatItEmitsAndHearsIsTheContract(t *testing.T) {
	b, _, _ := setup(t, servicetest.SQLite(t))
	require.Equal(t, []string{"notification.sent"}, notification.Emits())
	var types []string
	for eventType := range changes() {
		types = append(types, eventType)
	}
	require.ElementsMatch(t, types, b.Subscribed())
}

func TestSettingsThatCanNotWorkAreRefused(t *testing.T) {
	for says, s := range map[string]notification.Settings{
		"MAIL_TIMEOUT": {},
		"SMTP_ADDR":    {Timeout: time.Second, SMTPAddr: "mail.example.com", From: "orders@shop.example"},
		"MAIL_FROM":    {Timeout: time.Second, SMTPAddr: "mail.example.com:25", From: "the shop"},
	} {
		_, err := notification.New(s, nil).Spec().Build(t.Context(), chassis.Parts{Logger: slog.New(slog.DiscardHandler)})
		require.ErrorContains(t, err, says)
	}
}

func TestAskingBeforeItRuns(t *testing.T) {
	_, err := notification.New(notification.Settings{}, nil).Mails(t.Context())
	require.ErrorIs(t, err, notification.ErrNotRunning)
}
