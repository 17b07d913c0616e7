package delivery_test

import (
	"context"
	"encoding/json"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/laban-io/laban/internal/chassis"
	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
	"github.com/laban-io/laban/services/delivery"
	"github.com/laban-io/laban/services/delivery/carrier"
	"github.com/laban-io/laban/services/internal/servicetest"
)

// order is what a test ships.
type order struct{ id, address string }

func to(address string) order { return order{event.NewID(), address} }

const (
	somewhere = "1 Main Street"
	nowhere   = "2 Nowhere Lane"
)

func (o order) paid() event.Event {
	return servicetest.Event("payment", "payment.confirmed", o.id, map[string]any{
		"order_id": o.id, "customer_email": "jane@example.com", "ship_to": o.address,
		"items":  []map[string]any{{"sku": "mug", "quantity": 1, "unit_price": 4900}},
		"amount": 4900, "currency": "EUR", "capture_id": "cap_1",
	})
}

func (o order) cancelRequested() event.Event {
	return servicetest.Event("order", "order.cancel_requested", o.id, map[string]any{
		"order_id": o.id, "customer_email": "jane@example.com", "reason": "changed my mind",
	})
}

// hatch is where the service hands parcels to the simulated carrier, and where a
// test can make that fail, and hold it.
type hatch struct {
	*carrier.Simulated
	faults servicetest.Faults
	// during, where set, runs when the carrier has the parcel, before the
	// service hears of it.
	during func()
}

func (h *hatch) Ship(ctx context.Context, r carrier.Request) (carrier.Shipment, error) {
	return servicetest.Step(&h.faults, func() (carrier.Shipment, error) {
		s, err := h.Simulated.Ship(ctx, r)
		if h.during != nil {
			h.during()
		}
		return s, err
	})
}

// parcels returns those that the carrier took for an order.
func (h *hatch) parcels(o order) []carrier.Parcel {
	return slices.DeleteFunc(h.Parcels(), func(p carrier.Parcel) bool { return p.Reference != o.id })
}

func setup(t *testing.T, url string) (*servicetest.Bench, *delivery.Delivery, *hatch) {
	h := &hatch{Simulated: carrier.NewSimulated(carrier.Config{})}
	d := delivery.New(delivery.Settings{CallTimeout: 5 * time.Second}, h)
	return servicetest.New(t, url, d.Spec()), d, h
}

func shipment(t require.TestingT, d *delivery.Delivery, o order) (delivery.Shipment, bool) {
	all, err := d.Shipments(context.Background())
	require.NoError(t, err)
	i := slices.IndexFunc(all, func(s delivery.Shipment) bool { return s.OrderID == o.id })
	if i < 0 {
		return delivery.Shipment{}, false
	}
	return all[i], true
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

func TestAPaidOrderIsShipped(t *testing.T) {
	servicetest.EachDatabase(t, func(t *testing.T, url string) {
		b, d, h := setup(t, url)
		o := to(somewhere)
		paid := o.paid()
		b.Handle(t, paid)
		require.True(t, b.Handled(t, paid))
		parcels := h.parcels(o)
		require.Len(t, parcels, 1)
		emitted := b.Emitted(t, o.id)
		require.Len(t, emitted, 1)
		require.Equal(t, "order.shipped", emitted[0].Type)
		require.Equal(t, paid.ID, emitted[0].CausationID)
		require.JSONEq(t, `{"order_id":"`+o.id+`","customer_email":"jane@example.com","tracking_number":"`+parcels[0].TrackingNumber+`",
			"amount":4900,"currency":"EUR","items":[{"sku":"mug","quantity":1,"unit_price":4900}]}`, string(emitted[0].Data))
		s, ok := shipment(t, d, o)
		require.True(t, ok)
		require.Equal(t, delivery.Shipment{OrderID: o.id, Shipped: true, TrackingNumber: parcels[0].TrackingNumber, Amount: 4900, Currency: "EUR"}, s)
	})
}

func TestAnAddressThatDoesNotExistFails(t *testing.T) {
	servicetest.EachDatabase(t, func(t *testing.T, url string) {
		b, d, h := setup(t, url)
		o := to(nowhere)
		b.Handle(t, o.paid())
		b.Handle(t, o.cancelRequested())
		emitted := b.Emitted(t, o.id)
		require.Len(t, emitted, 2)
		require.Equal(t, "delivery.failed", emitted[0].Type)
		require.JSONEq(t, `{"order_id":"`+o.id+`","customer_email":"jane@example.com","reason":"the address does not exist"}`, string(emitted[0].Data))
		require.Equal(t, "order.cancel_refused", emitted[1].Type)
		require.Contains(t, string(emitted[1].Data), "could not be delivered")
		require.Empty(t, h.parcels(o))
		_, ok := shipment(t, d, o)
		require.False(t, ok)
	})
}

func TestACanceledOrderIsNotShipped(t *testing.T) {
	servicetest.EachDatabase(t, func(t *testing.T, url string) {
		b, _, h := setup(t, url)
		o := to(somewhere)
		b.Handle(t, o.cancelRequested())
		b.Handle(t, o.paid())
		emitted := b.Emitted(t, o.id)
		require.Len(t, emitted, 1)
		require.Equal(t, "order.canceled", emitted[0].Type)
		require.JSONEq(t, `{"order_id":"`+o.id+`","customer_email":"jane@example.com"}`, string(emitted[0].Data))
		require.Empty(t, h.parcels(o))
	})
}

// The customer asks while the parcel is being handed over: too late.
func TestACancelWhileItIsShippedIsRefused(t *testing.T) {
	servicetest.EachDatabase(t, func(t *testing.T, url string) {
		b, d, h := setup(t, url)
		o := to(somewhere)
		h.during = firstTime(func() {
			b.Handle(t, o.cancelRequested())
			s, ok := shipment(t, d, o)
			require.True(t, ok, "the intent to ship is committed before the carrier is asked")
			require.False(t, s.Shipped)
		})
		b.Handle(t, o.paid())
		emitted := b.Emitted(t, o.id)
		require.Len(t, emitted, 2)
		require.Equal(t, "order.cancel_refused", emitted[0].Type)
		require.Contains(t, string(emitted[0].Data), "is being handed to the carrier")
		require.Equal(t, "order.shipped", emitted[1].Type)
	})
}

// Two processes are handed the same event, and ask the carrier both.
func TestTwoProcessesThatAskTheSameAnswerOnce(t *testing.T) {
	servicetest.EachDatabase(t, func(t *testing.T, url string) {
		b, _, h := setup(t, url)
		for _, address := range []string{somewhere, nowhere} {
			o := to(address)
			paid := o.paid()
			h.during = firstTime(func() { b.Handle(t, paid) })
			b.Handle(t, paid)
			require.Len(t, b.Emitted(t, o.id), 1)
		}
	})
}

// The carrier's answer is lost, the customer asks, the event comes again: the
// parcel has left, so the cancel is refused, and the parcel is one.
func TestACancelBetweenTwoAttemptsIsRefused(t *testing.T) {
	b, _, h := setup(t, servicetest.SQLite(t))
	o := to(somewhere)
	paid := o.paid()
	h.faults.Plan(servicetest.After)
	require.Equal(t, bus.RetryLater, b.Deliver(t.Context(), paid).Action)
	b.Handle(t, o.cancelRequested())
	b.Handle(t, paid)
	require.Equal(t, map[string]int{"order.cancel_refused": 1, "order.shipped": 1}, b.EmittedTypes(t, o.id))
	require.Len(t, h.parcels(o), 1)
	require.Equal(t, 2, h.parcels(o)[0].Requests)
}

func TestEachRequestToCancelIsAnsweredAlike(t *testing.T) {
	servicetest.EachDatabase(t, func(t *testing.T, url string) {
		b, _, _ := setup(t, url)
		for answer, first := range map[string]func(order){
			"order.canceled":       func(o order) {},
			"order.cancel_refused": func(o order) { b.Handle(t, o.paid()) },
		} {
			o := to(somewhere)
			first(o)
			one, two := o.cancelRequested(), o.cancelRequested()
			for _, e := range []event.Event{one, two, one, two} {
				b.Handle(t, e)
			}
			require.Equal(t, 2, b.EmittedTypes(t, o.id)[answer])
			var causes []string
			for _, e := range b.Emitted(t, o.id) {
				if e.Type == answer {
					causes = append(causes, e.CausationID)
				}
			}
			require.Equal(t, []string{one.ID, two.ID}, causes)
		}
	})
}

// Any order, any number of copies, several processes at a time, a failure at
// any commit and at any call to the carrier.
func TestAnyHistoryEndsRight(t *testing.T) {
	servicetest.EachDatabase(t, func(t *testing.T, url string) {
		b, d, h := setup(t, url)
		rapid.Check(t, func(t *rapid.T) {
			o := to(rapid.SampledFrom([]string{somewhere, nowhere}).Draw(t, "address"))
			paid := rapid.Bool().Draw(t, "paid")
			requests := rapid.IntRange(0, 2).Draw(t, "requests to cancel")
			var events []event.Event
			if paid {
				events = append(events, o.paid())
			}
			for range requests {
				events = append(events, o.cancelRequested())
			}
			b.Faults.Plan(servicetest.DrawPlan(t)...)
			h.faults.Plan(servicetest.DrawPlan(t)...)
			b.HandleAll(t, rapid.IntRange(1, 4).Draw(t, "processes"), servicetest.DrawSequence(t, events)...)
			b.Faults.Plan()
			h.faults.Plan()
			o.requireRight(t, b, d, h, paid, requests)
		})
	})
}

// Every order in which a payment and two requests to cancel can come.
func TestEveryPermutationEndsRight(t *testing.T) {
	b, d, h := setup(t, servicetest.SQLite(t))
	for _, address := range []string{somewhere, nowhere} {
		for sequence := range servicetest.Permutations([]string{"paid", "cancel 1", "cancel 2"}) {
			o := to(address)
			for _, what := range sequence {
				if what == "paid" {
					b.Handle(t, o.paid())
				} else {
					b.Handle(t, o.cancelRequested())
				}
			}
			o.requireRight(t, b, d, h, true, 2)
			require.Equal(t, sequence[0] != "paid", b.EmittedTypes(t, o.id)["order.canceled"] > 0, "the first to come decides")
		}
	}
}

// requireRight holds the outcome of one order against what is promised.
func (o order) requireRight(t require.TestingT, b *servicetest.Bench, d *delivery.Delivery, h *hatch, paid bool, requests int) {
	emitted := b.EmittedTypes(t, o.id)
	shipped, failed := emitted["order.shipped"], emitted["delivery.failed"]
	canceled, refused := emitted["order.canceled"], emitted["order.cancel_refused"]

	require.Equal(t, requests, canceled+refused, "each request is answered: %v", emitted)
	require.True(t, canceled == 0 || refused == 0, "and all alike: %v", emitted)
	switch {
	case !paid:
		require.Zero(t, shipped+failed)
		require.Zero(t, refused)
	case canceled > 0:
		require.Zero(t, shipped+failed, "canceled and shipped: %v", emitted)
	case o.address == nowhere:
		require.Equal(t, 1, failed)
		require.Zero(t, shipped)
	default:
		require.Equal(t, 1, shipped)
		require.Zero(t, failed)
	}
	require.Len(t, h.parcels(o), shipped, "the carrier has a parcel exactly if delivery says so")
	s, ok := shipment(t, d, o)
	require.Equal(t, shipped == 1, ok)
	require.Equal(t, ok, s.Shipped)
}

func TestACarrierThatIsAwayIsAskedAgain(t *testing.T) {
	slow := carrier.NewSimulated(carrier.Config{Latency: time.Minute})
	b := servicetest.New(t, servicetest.SQLite(t), delivery.New(delivery.Settings{CallTimeout: 10 * time.Millisecond}, slow).Spec())
	v := b.Deliver(t.Context(), to(somewhere).paid())
	require.Equal(t, bus.RetryLater, v.Action)
	require.ErrorContains(t, v.Err, "no answer within DELIVERY_CALL_TIMEOUT")
}

func TestABrokenContractIsParked(t *testing.T) {
	b, _, h := setup(t, servicetest.SQLite(t))
	spoil := func(field string, value any) event.Event {
		o := to(somewhere)
		var data map[string]any
		require.NoError(t, json.Unmarshal(o.paid().Data, &data))
		data[field] = value
		return servicetest.Event("payment", "payment.confirmed", o.id, data)
	}
	for _, e := range []event.Event{
		servicetest.Event("payment", "payment.confirmed", "1042", nil),
		servicetest.Event("order", "order.cancel_requested", "1042", map[string]any{}),
		spoil("order_id", ""), spoil("order_id", "a\x00b"), spoil("ship_to", ""), spoil("ship_to", "a\x00b"), spoil("ship_to", 7),
	} {
		v := b.Deliver(t.Context(), e)
		require.Equal(t, bus.Park, v.Action, "%s: %v", e.Data, v.Err)
		require.ErrorIs(t, v.Err, event.ErrData)
	}
	require.Zero(t, h.Shipped())
}

func TestAPaymentThatIsConfirmedTwiceIsShippedOnce(t *testing.T) {
	b, _, h := setup(t, servicetest.SQLite(t))
	o := to(somewhere)
	first := o.paid()
	b.Handle(t, first)
	v := b.Deliver(t.Context(), o.paid())
	require.Equal(t, bus.Park, v.Action)
	require.ErrorContains(t, v.Err, first.ID)
	require.Equal(t, 1, h.Shipped())
}

func TestWhatItEmitsAndHearsIsTheContract(t *testing.T) {
	b, _, _ := setup(t, servicetest.SQLite(t))
	require.ElementsMatch(t, []string{"order.shipped", "delivery.failed", "order.canceled", "order.cancel_refused"}, delivery.Emits())
	require.ElementsMatch(t, []string{"payment.confirmed", "order.cancel_requested"}, b.Subscribed())
}

func TestAskingBeforeItRuns(t *testing.T) {
	_, err := delivery.New(delivery.Settings{}, nil).Shipments(t.Context())
	require.ErrorIs(t, err, delivery.ErrNotRunning)
}

func TestSettingsThatCanNotWorkAreRefused(t *testing.T) {
	for says, s := range map[string]delivery.Settings{
		"DELIVERY_CALL_TIMEOUT":    {},
		"DELIVERY_CARRIER_LATENCY": {CallTimeout: time.Second, CarrierLatency: -time.Second},
	} {
		_, err := delivery.New(s, nil).Spec().Build(t.Context(), chassis.Parts{})
		require.ErrorContains(t, err, says)
	}
}
