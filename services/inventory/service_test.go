package inventory_test

import (
	"context"
	"encoding/json"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
	"github.com/laban-io/laban/services/internal/servicetest"
	"github.com/laban-io/laban/services/inventory"
)

// order is what a test orders: quantities by SKU, one line each.
type order struct {
	id    string
	lines []line
}

type line struct {
	SKU       string `json:"sku"`
	Quantity  int64  `json:"quantity"`
	UnitPrice int64  `json:"unit_price"`
}

func mugs(n int64) order { return order{id: event.NewID(), lines: []line{{"mug", n, 900}}} }

func (o order) placed() event.Event {
	return servicetest.Event("order", "order.placed", o.id, map[string]any{
		"order_id": o.id, "customer_email": "jane@example.com", "items": o.lines,
		"amount": 900, "currency": "EUR", "payment_token": "tok_approved", "ship_to": "1 Main Street",
	})
}

func (o order) told(eventType string) event.Event {
	source := map[string]string{
		"order.cancel_requested": "order", "payment.rejected": "payment",
		"order.canceled": "delivery", "delivery.failed": "delivery",
	}[eventType]
	return servicetest.Event(source, eventType, o.id, map[string]any{"order_id": o.id, "customer_email": "jane@example.com"})
}

// setup puts an inventory with the given stock on the bench.
func setup(t *testing.T, url, stock string) (*servicetest.Bench, *inventory.Inventory) {
	inv := inventory.New(inventory.Settings{Stock: stock})
	return servicetest.New(t, url, inv.Spec()), inv
}

func level(t require.TestingT, inv *inventory.Inventory, sku string) inventory.Level {
	levels, err := inv.Levels(context.Background())
	require.NoError(t, err)
	i := slices.IndexFunc(levels, func(l inventory.Level) bool { return l.SKU == sku })
	require.GreaterOrEqual(t, i, 0, "no stock of %s", sku)
	require.Equal(t, levels[i].Initial, levels[i].Available+levels[i].Held, "stock of %s is not conserved", sku)
	return levels[i]
}

// reason returns the reason in the only event of its type about an order.
func reason(t require.TestingT, b *servicetest.Bench, o order, eventType string) string {
	var data struct{ Reason string }
	for _, e := range b.Emitted(t, o.id) {
		if e.Type == eventType {
			require.NoError(t, e.Decode(&data))
		}
	}
	return data.Reason
}

func TestStockIsReservedAndPassedOn(t *testing.T) {
	servicetest.EachDatabase(t, func(t *testing.T, url string) {
		b, inv := setup(t, url, "mug=10,lamp=5")
		o := order{id: "1042", lines: []line{{"mug", 2, 900}, {"lamp", 1, 4000}, {"mug", 3, 900}}}
		placed := o.placed()
		b.Handle(t, placed)

		emitted := b.Emitted(t, o.id)
		require.Len(t, emitted, 1)
		require.Equal(t, placed.ID, emitted[0].CausationID)
		require.True(t, b.Handled(t, placed))
		require.Equal(t, "stock.confirmed", emitted[0].Type)
		require.JSONEq(t, string(o.placed().Data), string(emitted[0].Data), "everything is passed on")
		require.Equal(t, "1042", emitted[0].Subject)
		require.Equal(t, inventory.Level{SKU: "mug", Initial: 10, Available: 5, Held: 5}, level(t, inv, "mug"))
		require.Equal(t, inventory.Level{SKU: "lamp", Initial: 5, Available: 4, Held: 1}, level(t, inv, "lamp"))
	})
}

func TestAllOrNothingIsReserved(t *testing.T) {
	servicetest.EachDatabase(t, func(t *testing.T, url string) {
		b, inv := setup(t, url, "mug=10,lamp=5,vase=1")
		for says, lines := range map[string][]line{
			"out of stock: 6 of lamp wanted, 5 available":  {{"mug", 1, 1}, {"lamp", 6, 1}, {"vase", 1, 1}},
			"out of stock: 11 of mug wanted, 10 available": {{"mug", 5, 1}, {"vase", 1, 1}, {"mug", 6, 1}},
			"zebra is not sold here":                       {{"mug", 1, 1}, {"zebra", 1, 1}},
		} {
			o := order{id: event.NewID(), lines: lines}
			b.Handle(t, o.placed())
			require.Equal(t, map[string]int{"stock.rejected": 1}, b.EmittedTypes(t, o.id))
			require.Equal(t, says, reason(t, b, o, "stock.rejected"))
			for _, sku := range []string{"mug", "lamp", "vase"} {
				require.Zero(t, level(t, inv, sku).Held, "%s", says)
			}
			b.Handle(t, o.told("order.canceled"))
			require.Len(t, b.Emitted(t, o.id), 1, "what was not reserved does not come back")
		}
	})
}

func TestStockComesBackAsItWasReserved(t *testing.T) {
	servicetest.EachDatabase(t, func(t *testing.T, url string) {
		b, inv := setup(t, url, "mug=10,lamp=5")
		for _, end := range []string{"payment.rejected", "order.canceled", "delivery.failed"} {
			o := order{id: event.NewID(), lines: []line{{"mug", 2, 900}, {"lamp", 1, 4000}, {"mug", 3, 900}}}
			b.Handle(t, o.placed())
			b.Handle(t, o.told(end))
			emitted := b.Emitted(t, o.id)
			require.Len(t, emitted, 2)
			require.Equal(t, "stock.returned", emitted[1].Type)
			var data struct {
				OrderID       string `json:"order_id"`
				CustomerEmail string `json:"customer_email"`
				Items         []line
			}
			require.NoError(t, emitted[1].Decode(&data))
			require.Equal(t, o.id, data.OrderID)
			require.Equal(t, "jane@example.com", data.CustomerEmail)
			require.Equal(t, o.lines, data.Items)
			require.Zero(t, level(t, inv, "mug").Held)
			require.Zero(t, level(t, inv, "lamp").Held)
		}
	})
}

func TestNothingIsReservedForAnOrderThatIsCanceledAlready(t *testing.T) {
	servicetest.EachDatabase(t, func(t *testing.T, url string) {
		b, inv := setup(t, url, "mug=10")
		for _, early := range []string{"order.cancel_requested", "payment.rejected", "order.canceled", "delivery.failed"} {
			o := mugs(1)
			told := o.told(early)
			b.Handle(t, told)
			require.True(t, b.Handled(t, told))
			require.Empty(t, b.Emitted(t, o.id))
			b.Handle(t, o.placed())
			require.Equal(t, map[string]int{"stock.rejected": 1}, b.EmittedTypes(t, o.id))
			require.Equal(t, "the order was canceled", reason(t, b, o, "stock.rejected"))
			require.Zero(t, level(t, inv, "mug").Held)
		}
	})
}

// Every order in which an order's facts can come, each once.
func TestEveryPermutationEndsRight(t *testing.T) {
	servicetest.EachDatabase(t, func(t *testing.T, url string) {
		b, inv := setup(t, url, "mug=100000")
		for subset := range servicetest.Subsets([]string{"order.placed", "order.cancel_requested", "payment.rejected", "order.canceled", "delivery.failed"}) {
			for sequence := range servicetest.Permutations(subset) {
				o := mugs(2)
				before := level(t, inv, "mug").Held
				for _, eventType := range sequence {
					b.Handle(t, o.event(eventType))
				}
				o.requireRight(t, b, inv, subset, before)
			}
		}
	})
}

// Any order, any number of copies, several processes at a time, and a failure
// at any commit.
func TestAnyHistoryEndsRight(t *testing.T) {
	servicetest.EachDatabase(t, func(t *testing.T, url string) {
		b, inv := setup(t, url, "mug=100000")
		types := []string{"order.placed", "order.cancel_requested", "payment.rejected", "order.canceled", "delivery.failed"}
		rapid.Check(t, func(t *rapid.T) {
			o := mugs(rapid.Int64Range(1, 5).Draw(t, "quantity"))
			before := level(t, inv, "mug").Held
			heard := rapid.SliceOfNDistinct(rapid.SampledFrom(types), 1, len(types), rapid.ID).Draw(t, "heard")
			var events []event.Event
			for _, eventType := range heard {
				events = append(events, o.event(eventType))
			}
			b.Faults.Plan(servicetest.DrawPlan(t)...)
			b.HandleAll(t, rapid.IntRange(1, 4).Draw(t, "processes"), servicetest.DrawSequence(t, events)...)
			b.Faults.Plan()
			o.requireRight(t, b, inv, heard, before)
		})
	})
}

func (o order) event(eventType string) event.Event {
	if eventType == "order.placed" {
		return o.placed()
	}
	return o.told(eventType)
}

// requireRight holds the outcome of one order against what is promised.
func (o order) requireRight(t require.TestingT, b *servicetest.Bench, inv *inventory.Inventory, heard []string, heldBefore int64) {
	has := func(eventType string) bool { return slices.Contains(heard, eventType) }
	over := has("payment.rejected") || has("order.canceled") || has("delivery.failed")
	emitted := b.EmittedTypes(t, o.id)
	confirmed, rejected, returned := emitted["stock.confirmed"], emitted["stock.rejected"], emitted["stock.returned"]

	if has("order.placed") {
		require.Equal(t, 1, confirmed+rejected, "order.placed is answered once: %v", emitted)
	} else {
		require.Empty(t, emitted, "nothing was asked for")
	}
	if rejected == 1 {
		require.True(t, over || has("order.cancel_requested"), "rejected for no reason")
		require.Equal(t, "the order was canceled", reason(t, b, o, "stock.rejected"))
	}
	wantReturned := 0
	if confirmed == 1 && over {
		wantReturned = 1
	}
	require.Equal(t, wantReturned, returned, "%v after %v", emitted, heard)

	var held int64
	if confirmed > returned {
		held = o.lines[0].Quantity
	}
	require.Equal(t, heldBefore+held, level(t, inv, "mug").Held)
}

// Many orders at once for too little stock: none is promised what is not there,
// and nobody waits for another for ever.
func TestStockIsNeverPromisedTwice(t *testing.T) {
	servicetest.EachDatabase(t, func(t *testing.T, url string) {
		b, inv := setup(t, url, "mug=25,lamp=25,vase=25")
		var orders []order
		var events []event.Event
		for n := range 60 {
			lines := []line{{"mug", 1, 1}, {"lamp", 1, 1}, {"vase", 1, 1}}
			if n%2 == 1 {
				slices.Reverse(lines)
			}
			o := order{id: event.NewID(), lines: lines}
			orders, events = append(orders, o), append(events, o.placed())
		}
		b.HandleAll(t, 8, events...)
		confirmed := 0
		for _, o := range orders {
			confirmed += b.EmittedTypes(t, o.id)["stock.confirmed"]
		}
		require.Equal(t, 25, confirmed)
		for _, sku := range []string{"mug", "lamp", "vase"} {
			require.Equal(t, inventory.Level{SKU: sku, Initial: 25, Available: 0, Held: 25}, level(t, inv, sku))
		}
	})
}

func TestARestartDoesNotRestock(t *testing.T) {
	url := "sqlite:" + t.TempDir() + "/inventory.db"
	t.Run("first", func(t *testing.T) {
		b, inv := setup(t, url, "mug=10")
		b.Handle(t, mugs(4).placed())
		require.EqualValues(t, 6, level(t, inv, "mug").Available)
	})
	t.Run("second", func(t *testing.T) {
		_, inv := setup(t, url, "mug=99,lamp=5")
		require.Equal(t, inventory.Level{SKU: "mug", Initial: 10, Available: 6, Held: 4}, level(t, inv, "mug"))
		require.Equal(t, inventory.Level{SKU: "lamp", Initial: 5, Available: 5}, level(t, inv, "lamp"))
	})
}

func TestABrokenContractIsParked(t *testing.T) {
	b, inv := setup(t, servicetest.SQLite(t), "mug=10")
	spoil := func(change func(map[string]any)) event.Event {
		o := mugs(1)
		var data map[string]any
		require.NoError(t, json.Unmarshal(o.placed().Data, &data))
		change(data)
		return servicetest.Event("order", "order.placed", o.id, data)
	}
	for what, e := range map[string]event.Event{
		"no data":           servicetest.Event("order", "order.placed", "1042", nil),
		"no order id":       spoil(func(d map[string]any) { d["order_id"] = "" }),
		"a NUL":             spoil(func(d map[string]any) { d["order_id"] = "a\x00b" }),
		"no items":          spoil(func(d map[string]any) { d["items"] = []line{} }),
		"too many items":    spoil(func(d map[string]any) { d["items"] = make([]line, 1001) }),
		"a negative amount": spoil(func(d map[string]any) { d["items"] = []line{{"mug", -5, 1}} }),
		"too much":          spoil(func(d map[string]any) { d["items"] = []line{{"mug", 1_000_000_001, 1}} }),
		"no SKU":            spoil(func(d map[string]any) { d["items"] = []line{{"", 1, 1}} }),
		"no address":        spoil(func(d map[string]any) { delete(d, "customer_email") }),
		"the wrong kind":    spoil(func(d map[string]any) { d["items"] = "mug" }),
	} {
		v := b.Deliver(t.Context(), e)
		require.Equal(t, bus.Park, v.Action, "%s: %v", what, v.Err)
		require.ErrorIs(t, v.Err, event.ErrData, what)
		require.NotContains(t, v.Err.Error(), "tok_approved", what)
	}
	require.Zero(t, level(t, inv, "mug").Held)
}

func TestAnOrderIDThatComesBackIsParked(t *testing.T) {
	b, inv := setup(t, servicetest.SQLite(t), "mug=10")
	o := mugs(1)
	first := o.placed()
	b.Handle(t, first)
	v := b.Deliver(t.Context(), o.placed())
	require.Equal(t, bus.Park, v.Action)
	require.ErrorContains(t, v.Err, first.ID)
	require.EqualValues(t, 1, level(t, inv, "mug").Held)
	require.Len(t, b.Emitted(t, o.id), 1)
}

func TestWhatItEmitsAndHearsIsTheContract(t *testing.T) {
	b, _ := setup(t, servicetest.SQLite(t), "mug=10")
	require.ElementsMatch(t, []string{"stock.confirmed", "stock.rejected", "stock.returned"}, inventory.Emits())
	require.ElementsMatch(t, []string{"order.placed", "order.cancel_requested", "payment.rejected", "order.canceled", "delivery.failed"}, b.Subscribed())
}

func TestThePaymentTokenIsNotKept(t *testing.T) {
	b, _ := setup(t, servicetest.SQLite(t), "mug=10")
	o := mugs(1)
	b.Handle(t, o.placed())
	require.Len(t, b.Emitted(t, o.id), 1) // the outbox is empty again
	require.NotContains(t, b.Dump(t), "tok_approved")
	require.NotContains(t, b.Log(), "tok_approved")
	require.Contains(t, b.Log(), o.id)
}

func TestAskingBeforeItRuns(t *testing.T) {
	_, err := inventory.New(inventory.Settings{}).Levels(t.Context())
	require.ErrorIs(t, err, inventory.ErrNotRunning)
}
