package payment_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/laban-io/laban/internal/chassis"
	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
	"github.com/laban-io/laban/services/internal/servicetest"
	"github.com/laban-io/laban/services/payment"
	"github.com/laban-io/laban/services/payment/gateway"
	"github.com/laban-io/laban/services/payment/provider"
)

// order is what a test charges for.
type order struct {
	id     string
	token  gateway.Token
	amount int64
}

func paying(token gateway.Token) order { return order{id: event.NewID(), token: token, amount: 4900} }

func (o order) event(eventType string) event.Event {
	source := map[string]string{
		"stock.confirmed": "inventory", "order.cancel_requested": "order",
		"order.canceled": "delivery", "delivery.failed": "delivery",
	}[eventType]
	data := map[string]any{"order_id": o.id, "customer_email": "jane@example.com"}
	if eventType == "stock.confirmed" {
		data["items"] = []map[string]any{{"sku": "mug", "quantity": 1, "unit_price": o.amount}}
		data["amount"], data["currency"] = o.amount, "EUR"
		data["payment_token"], data["ship_to"] = string(o.token), "1 Main Street"
	}
	return servicetest.Event(source, eventType, o.id, data)
}

// desk is a gateway between the service and the simulated provider, on which a
// test can make calls fail, and hold them.
type desk struct {
	*provider.Provider
	faults servicetest.Faults
	// during, where set, runs when the provider has taken the money, before the
	// service hears of it.
	during func()
}

func (d *desk) Capture(ctx context.Context, r gateway.CaptureRequest) (gateway.Capture, error) {
	return servicetest.Step(&d.faults, func() (gateway.Capture, error) {
		c, err := d.Provider.Capture(ctx, r)
		if d.during != nil {
			d.during()
		}
		return c, err
	})
}

func (d *desk) Refund(ctx context.Context, r gateway.RefundRequest) (gateway.Refund, error) {
	return servicetest.Step(&d.faults, func() (gateway.Refund, error) { return d.Provider.Refund(ctx, r) })
}

func setup(t *testing.T, url string) (*servicetest.Bench, *desk) {
	d := &desk{Provider: provider.New(provider.Config{LateAnswers: 2})}
	p := payment.New(payment.Settings{CallTimeout: 5 * time.Second}, d)
	return servicetest.New(t, url, p.Spec()), d
}

// about returns the captures that the provider made for an order.
func (d *desk) about(o order) []provider.Capture {
	return slices.DeleteFunc(d.Captures(), func(c provider.Capture) bool { return c.Reference != o.id })
}

// kept is what the provider has of an order's money.
func (d *desk) kept(o order) (kept int64) {
	for _, c := range d.about(o) {
		kept += c.Amount - c.Refunded
	}
	return kept
}

func only(t require.TestingT, events []event.Event, eventType string, data any) {
	n := 0
	for _, e := range events {
		if e.Type == eventType {
			n++
			require.NoError(t, e.Decode(data))
		}
	}
	require.Equal(t, 1, n, eventType)
}

// firstTime returns a function that runs f when it is called first, and does
// nothing when it is called again, also by f.
func firstTime(f func()) func() {
	var called atomic.Bool
	return func() {
		if called.CompareAndSwap(false, true) {
			f()
		}
	}
}

func TestAnApprovedPaymentIsConfirmedAndPassedOn(t *testing.T) {
	servicetest.EachDatabase(t, func(t *testing.T, url string) {
		b, d := setup(t, url)
		o := paying(provider.Approved)
		asked := o.event("stock.confirmed")
		b.Handle(t, asked)
		require.True(t, b.Handled(t, asked))

		emitted := b.Emitted(t, o.id)
		require.Len(t, emitted, 1)
		require.Equal(t, "payment.confirmed", emitted[0].Type)
		require.Equal(t, asked.ID, emitted[0].CausationID)
		captures := d.about(o)
		require.Len(t, captures, 1)
		require.Equal(t, asked.ID, captures[0].IdempotencyKey)
		require.JSONEq(t, `{"order_id":"`+o.id+`","customer_email":"jane@example.com","items":[{"sku":"mug","quantity":1,"unit_price":4900}],
			"amount":4900,"currency":"EUR","ship_to":"1 Main Street","capture_id":"`+captures[0].ID+`"}`, string(emitted[0].Data))
	})
}

func TestADeclineIsFinal(t *testing.T) {
	b, d := setup(t, servicetest.SQLite(t))
	o := paying(provider.Declines)
	asked := o.event("stock.confirmed")
	b.Handle(t, asked)
	b.Handle(t, asked)
	b.Handle(t, o.event("order.canceled"))
	var data struct{ Reason string }
	only(t, b.Emitted(t, o.id), "payment.rejected", &data)
	require.Equal(t, "the card was declined", data.Reason)
	require.Len(t, b.Emitted(t, o.id), 1, "nothing was taken, so nothing is refunded")
	require.Equal(t, 1, d.Totals().Declines, "the provider is asked once")
}

func TestARefundGivesBackWhatWasTaken(t *testing.T) {
	servicetest.EachDatabase(t, func(t *testing.T, url string) {
		b, d := setup(t, url)
		for _, end := range []string{"order.canceled", "delivery.failed"} {
			o := paying(provider.Approved)
			b.Handle(t, o.event("stock.confirmed"))
			require.EqualValues(t, 4900, d.kept(o))
			ended := o.event(end)
			b.Handle(t, ended)
			require.Zero(t, d.kept(o))
			var data struct {
				OrderID       string `json:"order_id"`
				CustomerEmail string `json:"customer_email"`
				Amount        int64  `json:"amount"`
				Currency      string `json:"currency"`
				RefundID      string `json:"refund_id"`
			}
			emitted := b.Emitted(t, o.id)
			only(t, emitted, "refund.processed", &data)
			require.Equal(t, ended.ID, emitted[1].CausationID)
			require.Equal(t, o.id, data.OrderID)
			require.Equal(t, "jane@example.com", data.CustomerEmail)
			require.EqualValues(t, 4900, data.Amount)
			require.Equal(t, "EUR", data.Currency)
			require.NotEmpty(t, data.RefundID)
		}
	})
}

// A provider that takes the money and does not say so is asked again, and
// takes it once.
func TestATimeoutIsRetriedAndChargedOnce(t *testing.T) {
	d := &desk{Provider: provider.New(provider.Config{LateAnswers: 2})}
	b := servicetest.New(t, servicetest.SQLite(t), payment.New(payment.Settings{CallTimeout: 150 * time.Millisecond}, d).Spec())
	o := paying(provider.TimesOut)
	asked := o.event("stock.confirmed")
	for range 2 {
		v := b.Deliver(t.Context(), asked)
		require.Equal(t, bus.RetryLater, v.Action)
		require.ErrorContains(t, v.Err, "no answer within PAYMENT_CALL_TIMEOUT")
		require.Empty(t, b.Emitted(t, o.id))
	}
	require.Equal(t, bus.Ack, b.Deliver(t.Context(), asked).Action)
	require.Equal(t, map[string]int{"payment.confirmed": 1}, b.EmittedTypes(t, o.id))
	require.Len(t, d.about(o), 1)
	require.Equal(t, 3, d.about(o)[0].Requests)
	require.EqualValues(t, 4900, d.kept(o))
}

// The order is canceled while the provider is being asked: what was done is
// said to be done, and then undone, by whoever asked.
func TestACancelDuringTheCaptureIsRefundedByTheCapture(t *testing.T) {
	servicetest.EachDatabase(t, func(t *testing.T, url string) {
		b, d := setup(t, url)
		o := paying(provider.Approved)
		d.during = firstTime(func() {
			b.Handle(t, o.event("order.cancel_requested"))
			b.Handle(t, o.event("order.canceled"))
			require.Empty(t, b.Emitted(t, o.id), "nobody knows yet whether there is anything to refund")
		})
		b.Handle(t, o.event("stock.confirmed"))
		emitted := b.Emitted(t, o.id)
		require.Len(t, emitted, 2)
		require.Equal(t, "payment.confirmed", emitted[0].Type)
		require.Equal(t, "refund.processed", emitted[1].Type)
		require.Zero(t, d.kept(o))
		require.Equal(t, 1, d.Totals().Refunds)
	})
}

// Two processes are handed the same event, and ask the provider both.
func TestTwoProcessesThatAskTheSameAnswerOnce(t *testing.T) {
	servicetest.EachDatabase(t, func(t *testing.T, url string) {
		b, d := setup(t, url)
		for _, token := range []gateway.Token{provider.Approved, provider.Declines} {
			o := paying(token)
			asked := o.event("stock.confirmed")
			d.during = firstTime(func() { b.Handle(t, asked) })
			b.Handle(t, asked)
			require.Len(t, b.Emitted(t, o.id), 1)
			if token == provider.Approved {
				require.Equal(t, 2, d.about(o)[0].Requests)
			}
		}
	})
}

func TestARefundWhoseAnswerIsLostIsMadeOnce(t *testing.T) {
	b, d := setup(t, servicetest.SQLite(t))
	o := paying(provider.Approved)
	b.Handle(t, o.event("stock.confirmed"))
	canceled := o.event("order.canceled")
	d.faults.Plan(servicetest.After)
	require.Equal(t, bus.RetryLater, b.Deliver(t.Context(), canceled).Action)
	require.Zero(t, d.kept(o))
	require.False(t, b.Handled(t, canceled))
	b.Handle(t, canceled)
	require.Equal(t, map[string]int{"payment.confirmed": 1, "refund.processed": 1}, b.EmittedTypes(t, o.id))
	require.Equal(t, 1, d.Totals().Refunds)
	require.True(t, b.Handled(t, canceled))
}

// A cancel that comes between two attempts does not make the service forget
// that the first may have taken money.
func TestACancelBetweenTwoAttemptsLosesNoMoney(t *testing.T) {
	b, d := setup(t, servicetest.SQLite(t))
	o := paying(provider.Approved)
	asked := o.event("stock.confirmed")
	d.faults.Plan(servicetest.After)
	require.Equal(t, bus.RetryLater, b.Deliver(t.Context(), asked).Action)
	require.EqualValues(t, 4900, d.kept(o), "the money is taken, and the service does not know")
	b.Handle(t, o.event("order.cancel_requested"))
	b.Handle(t, o.event("order.canceled"))
	b.Handle(t, asked)
	require.Equal(t, map[string]int{"payment.confirmed": 1, "refund.processed": 1}, b.EmittedTypes(t, o.id))
	require.Zero(t, d.kept(o))
}

func TestACancelBeforeTheCaptureSparesIt(t *testing.T) {
	servicetest.EachDatabase(t, func(t *testing.T, url string) {
		b, d := setup(t, url)
		for _, early := range []string{"order.cancel_requested", "order.canceled", "delivery.failed"} {
			o := paying(provider.Approved)
			b.Handle(t, o.event(early))
			require.Empty(t, b.Emitted(t, o.id))
			b.Handle(t, o.event("stock.confirmed"))
			var data struct{ Reason string }
			only(t, b.Emitted(t, o.id), "payment.rejected", &data)
			require.Equal(t, "the order was canceled", data.Reason)
			require.Empty(t, d.about(o))
		}
	})
}

// Every order in which an order's facts can come, each once.
func TestEveryPermutationEndsRight(t *testing.T) {
	servicetest.EachDatabase(t, func(t *testing.T, url string) {
		b, d := setup(t, url)
		for subset := range servicetest.Subsets(facts()) {
			for sequence := range servicetest.Permutations(subset) {
				o := paying(provider.Approved)
				for _, eventType := range sequence {
					b.Handle(t, o.event(eventType))
				}
				o.requireRight(t, b, d, subset)
			}
		}
	})
}

func facts() []string {
	return []string{"stock.confirmed", "order.cancel_requested", "order.canceled", "delivery.failed"}
}

// Any order, any number of copies, several processes at a time, a failure at
// any commit and at any call to the provider.
func TestAnyHistoryEndsRight(t *testing.T) {
	servicetest.EachDatabase(t, func(t *testing.T, url string) {
		b, d := setup(t, url)
		rapid.Check(t, func(t *rapid.T) {
			o := paying(rapid.SampledFrom([]gateway.Token{provider.Approved, provider.Approved, provider.Declines}).Draw(t, "token"))
			heard := rapid.SliceOfNDistinct(rapid.SampledFrom(facts()), 1, 4, rapid.ID).Draw(t, "heard")
			var events []event.Event
			for _, eventType := range heard {
				events = append(events, o.event(eventType))
			}
			b.Faults.Plan(servicetest.DrawPlan(t)...)
			d.faults.Plan(servicetest.DrawPlan(t)...)
			b.HandleAll(t, rapid.IntRange(1, 4).Draw(t, "processes"), servicetest.DrawSequence(t, events)...)
			b.Faults.Plan()
			d.faults.Plan()
			o.requireRight(t, b, d, heard)
		})
	})
}

// requireRight holds the outcome of one order against what is promised.
func (o order) requireRight(t require.TestingT, b *servicetest.Bench, d *desk, heard []string) {
	has := func(eventType string) bool { return slices.Contains(heard, eventType) }
	over := has("order.canceled") || has("delivery.failed")
	emitted := b.EmittedTypes(t, o.id)
	confirmed, rejected, refunded := emitted["payment.confirmed"], emitted["payment.rejected"], emitted["refund.processed"]

	if has("stock.confirmed") {
		require.Equal(t, 1, confirmed+rejected, "stock.confirmed is answered once: %v after %v", emitted, heard)
	} else {
		require.Empty(t, emitted, "nothing was asked for")
	}
	if rejected == 1 && o.token != provider.Declines {
		require.True(t, over || has("order.cancel_requested"), "rejected for no reason")
	}
	wantRefunded := 0
	if confirmed == 1 && over {
		wantRefunded = 1
	}
	require.Equal(t, wantRefunded, refunded, "%v after %v", emitted, heard)

	captures := d.about(o)
	require.Len(t, captures, confirmed, "the provider took money exactly if payment says so")
	require.Equal(t, o.amount*int64(confirmed-refunded), d.kept(o))
	for _, c := range captures {
		require.LessOrEqual(t, len(c.Refunds), 1)
	}
}

func TestAProviderThatIsAwayIsAskedAgain(t *testing.T) {
	b, d := setup(t, servicetest.SQLite(t))
	o := paying(provider.Approved)
	d.faults.Plan(servicetest.Before)
	v := b.Deliver(t.Context(), o.event("stock.confirmed"))
	require.Equal(t, bus.RetryLater, v.Action)
	require.ErrorIs(t, v.Err, servicetest.ErrInjected)
}

func TestARefundThatIsRefusedIsParkedForAPerson(t *testing.T) {
	b, d := setup(t, servicetest.SQLite(t))
	o := paying(provider.Approved)
	b.Handle(t, o.event("stock.confirmed"))
	c := d.about(o)[0]
	_, err := d.Provider.Refund(t.Context(), gateway.RefundRequest{IdempotencyKey: "by hand", CaptureID: c.ID, Amount: 1, Currency: "EUR"})
	require.NoError(t, err)
	v := b.Deliver(t.Context(), o.event("order.canceled"))
	require.Equal(t, bus.Park, v.Action)
	require.ErrorContains(t, v.Err, c.ID)
	require.ErrorContains(t, v.Err, "by hand")
}

func TestSilentAnswersAreNotBelieved(t *testing.T) {
	b := servicetest.New(t, servicetest.SQLite(t), payment.New(payment.Settings{CallTimeout: time.Second}, mute{}).Spec())
	v := b.Deliver(t.Context(), paying(provider.Approved).event("stock.confirmed"))
	require.Equal(t, bus.RetryLater, v.Action)
	require.ErrorContains(t, v.Err, "no capture id")
}

// mute is a gateway that answers nothing.
type mute struct{}

func (mute) Capture(context.Context, gateway.CaptureRequest) (gateway.Capture, error) {
	return gateway.Capture{}, nil
}

func (mute) Refund(context.Context, gateway.RefundRequest) (gateway.Refund, error) {
	return gateway.Refund{}, errors.New("not used")
}

func TestABrokenContractIsParked(t *testing.T) {
	b, d := setup(t, servicetest.SQLite(t))
	spoil := func(field string, value any) event.Event {
		o := paying(provider.Approved)
		var data map[string]any
		require.NoError(t, json.Unmarshal(o.event("stock.confirmed").Data, &data))
		data[field] = value
		return servicetest.Event("inventory", "stock.confirmed", o.id, data)
	}
	for _, e := range []event.Event{
		servicetest.Event("inventory", "stock.confirmed", "1042", nil),
		spoil("order_id", ""),
		spoil("order_id", "a\x00b"),
		spoil("customer_email", ""),
		spoil("payment_token", ""),
		spoil("payment_token", 4111111111111111),
		spoil("payment_token", "tok_\x00"),
		spoil("amount", 0),
		spoil("amount", -4900),
		spoil("amount", "4900"),
		spoil("currency", "euro"),
		spoil("currency", "eur"),
		servicetest.Event("delivery", "order.canceled", "1042", map[string]any{"order_id": 1042}),
	} {
		v := b.Deliver(t.Context(), e)
		require.Equal(t, bus.Park, v.Action, "%s: %v", e.Data, v.Err)
		require.ErrorIs(t, v.Err, event.ErrData)
		require.NotContains(t, v.Err.Error(), "tok_")
		require.NotContains(t, v.Err.Error(), "4111")
	}
	require.Zero(t, d.Totals().Captures)
}

func TestStockThatIsConfirmedTwiceIsChargedOnce(t *testing.T) {
	b, d := setup(t, servicetest.SQLite(t))
	o := paying(provider.Approved)
	first := o.event("stock.confirmed")
	b.Handle(t, first)
	v := b.Deliver(t.Context(), o.event("stock.confirmed"))
	require.Equal(t, bus.Park, v.Action)
	require.ErrorContains(t, v.Err, first.ID)
	require.Equal(t, 1, d.Totals().Captures)
}

func TestThePaymentTokenIsNotKept(t *testing.T) {
	b, d := setup(t, servicetest.SQLite(t))
	for _, token := range []gateway.Token{provider.Approved, provider.Declines} {
		o := paying(token)
		d.faults.Plan(servicetest.Before, servicetest.After)
		b.Handle(t, o.event("stock.confirmed"))
		require.Len(t, b.Emitted(t, o.id), 1) // the outbox is empty again
		require.Contains(t, b.Log(), o.id)
		require.NotContains(t, string(b.Emitted(t, o.id)[0].Data), "tok_")
	}
	require.NotContains(t, b.Dump(t), "tok_")
	require.NotContains(t, b.Log(), "tok_")
}

func TestWhatItEmitsAndHearsIsTheContract(t *testing.T) {
	b, _ := setup(t, servicetest.SQLite(t))
	require.ElementsMatch(t, []string{"payment.confirmed", "payment.rejected", "refund.processed"}, payment.Emits())
	require.ElementsMatch(t, facts(), b.Subscribed())
}

func TestSettingsThatCanNotWorkAreRefused(t *testing.T) {
	for says, s := range map[string]payment.Settings{
		"PAYMENT_CALL_TIMEOUT":     {},
		"PAYMENT_PROVIDER_LATENCY": {CallTimeout: time.Second, ProviderLatency: -time.Second},
	} {
		_, err := payment.New(s, nil).Spec().Build(t.Context(), chassis.Parts{})
		require.ErrorContains(t, err, says)
	}
}
