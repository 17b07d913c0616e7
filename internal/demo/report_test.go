package demo

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
	"github.com/laban-io/laban/services/delivery/carrier"
	"github.com/laban-io/laban/services/inventory"
	"github.com/laban-io/laban/services/payment/provider"
)

// rightRun is a run of ten orders that all end as they should, and what others
// say of it.
func rightRun() (*desk, evidence) {
	d := newDesk()
	e := evidence{statuses: make(map[string]string), mails: mailCount{to: make(map[int]int)}}
	held := int64(0)
	ways := map[Fate][]kind{
		Approved:      {stockConfirmed, paymentConfirmed, shipped},
		Declined:      {stockConfirmed, paymentRejected, stockReturned},
		OutOfStock:    {stockRejected},
		TimesOut:      {stockConfirmed, paymentConfirmed, shipped},
		Undeliverable: {stockConfirmed, paymentConfirmed, deliveryFailed, stockReturned, refundProcessed},
		Canceled:      {stockConfirmed, cancelRequested, paymentRejected, canceled, stockReturned},
	}
	for n, f := range []Fate{Approved, Approved, Approved, Approved, Approved, Declined, OutOfStock, TimesOut, Undeliverable, Canceled} {
		id := d.begin(n+1, f)
		if f == Canceled {
			d.cancelAnswered(n+1, id, cancelAccepted, nil)
		}
		if f == TimesOut {
			d.write(bus.RecordRetry, event.New("stock.confirmed", nil).WithSubject(id))
		}
		d.clock = d.clock.Add(time.Duration(n) * 13 * time.Millisecond)
		d.happen(id, ways[f]...)
		c := d.orders[id].counts
		e.statuses[id] = statusOf(c)
		e.mails.to[n+1] = int(c[notificationSent])
		if c.has(paymentConfirmed) {
			e.captures = append(e.captures, provider.Capture{Reference: id, Amount: 1000, Refunded: 1000 * int64(c[refundProcessed]), Requests: 1 + d.orders[id].retries})
		}
		if c.has(shipped) {
			e.parcels = append(e.parcels, carrier.Parcel{Reference: id})
			held += 2
		}
	}
	e.stock = []inventory.Level{{SKU: "mug", Initial: 1000, Available: 1000 - held, Held: held}}
	return d, e
}

func TestReportOfARightRun(t *testing.T) {
	d, e := rightRun()
	r := d.report(e)
	require.True(t, r.OK(), "%s %v", r.Failure(), r.Faults)
	require.Empty(t, r.Failure())
	require.Equal(t, 10, r.Right)
	require.Positive(t, r.Throughput())
	r.PeakMemory = 64 << 20
	golden(t, "report-right.txt", textOf(r.lines("http://localhost:4318"), 0))
}

func TestReportOfAFailedRun(t *testing.T) {
	d, e := rightRun()
	e.captures = append(e.captures, e.captures[0]) // charged twice
	open := d.begin(11, Approved)                  // stops at delivery
	d.happen(open, stockConfirmed, paymentConfirmed)
	wrong := d.begin(12, Approved) // is declined
	d.happen(wrong, stockConfirmed, paymentRejected, stockReturned)
	d.clock = d.clock.Add(61 * time.Second)
	for n := 20; n < 40; n++ { // more than are named
		d.expect(n, Declined, func() {})
		d.notPlaced(n, fmt.Errorf("the order API answered 503"))
	}
	r := d.report(e)
	require.False(t, r.OK())
	require.Equal(t, 32, r.Orders)
	require.Equal(t, 10, r.Right)
	require.Equal(t, 11, r.Ended)
	r.PeakMemory = 64 << 20
	golden(t, "report-failed.txt", textOf(r.lines(""), 0))
}

func TestALateProviderMustBeAskedAgain(t *testing.T) {
	d, e := rightRun()
	for n := range e.captures {
		e.captures[n].Requests = 1
	}
	r := d.report(e)
	require.Equal(t, 9, r.Right)
	require.Equal(t, []string{"order 01JDA4Z3W8Y6T2Q5R7V9X00008 (timeout): the provider answered too late, and was not asked again"}, r.Faults)
}

func TestReportOfNothing(t *testing.T) {
	r := newDesk().report(evidence{})
	require.True(t, r.OK())
	require.Zero(t, r.Throughput())
	require.Contains(t, textOf(r.lines(""), 0), "no order was placed")
}

func TestABrokenInvariantIsAFailure(t *testing.T) {
	d, e := rightRun()
	e.lost = 1
	r := d.report(e)
	require.False(t, r.OK())
	require.Equal(t, "1 invariant is broken", r.Failure())
}

func TestTheReportFitsATerminal(t *testing.T) {
	d, e := rightRun()
	for _, l := range d.report(e).lines("http://localhost:4318") {
		require.LessOrEqual(t, l.width(), 80, "%s", l.render(0, false))
	}
}

func TestPeakMemoryIsPlausible(t *testing.T) {
	require.Greater(t, peakMemory(), int64(1<<20))
	require.Less(t, peakMemory(), int64(1<<40))
}
