package demo

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
)

// desk is a book under test, with a clock that the test drives.
type desk struct {
	*book
	clock time.Time
	ids   int
	done  int
}

func newDesk() *desk {
	d := &desk{clock: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	d.book = newBook(customers{run: "run"}, time.Second, func() time.Time { return d.clock })
	for service, bindings := range map[string][]string{
		"order":        {"order.shipped", "stock.returned", "refund.processed", "stock.rejected", "payment.rejected", "delivery.failed", "order.canceled", "order.cancel_refused"},
		"inventory":    {"order.placed", "order.cancel_requested", "payment.rejected", "order.canceled", "delivery.failed"},
		"payment":      {"stock.confirmed", "order.cancel_requested", "order.canceled", "delivery.failed"},
		"delivery":     {"payment.confirmed", "order.cancel_requested"},
		"notification": {"order.*", "stock.confirmed", "stock.rejected", "payment.*", "delivery.failed", "refund.processed"},
	} {
		d.write(bus.RecordDirect, event.New(bus.AnnouncementType, bus.Announcement{Service: service, Bindings: bindings}))
	}
	return d
}

// write writes a record into the log, 10 ms after the one before.
func (d *desk) write(k bus.RecordKind, e event.Event) bus.LogRecord {
	d.clock = d.clock.Add(10 * time.Millisecond)
	if e.ID == "" {
		d.ids++
		e.ID = fmt.Sprintf("event-%d", d.ids)
	}
	if e.Time.IsZero() {
		e.Time = d.clock
	}
	r := bus.LogRecord{Kind: k, Message: bus.Message{Event: e, Headers: map[string]string{
		"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}}}
	d.apply(r)
	return r
}

// begin asks for order number seq, and the log then has its order.placed.
func (d *desk) begin(seq int, f Fate) (id string) {
	d.expect(seq, f, func() { d.done++ })
	return d.placedBy(seq, d.customers.address(seq))
}

func (d *desk) placedBy(n int, address string) (id string) {
	id = fmt.Sprintf("01JDA4Z3W8Y6T2Q5R7V9X%05d", n)
	e := event.New("order.placed", map[string]any{"customer_email": address, "amount": 1000}).WithSubject(id)
	e.Source = "order"
	d.write(bus.RecordEvent, e)
	return id
}

// emitter returns the service that emits events of a kind.
func emitter(k kind) string {
	for _, r := range choreography() {
		if slices.Contains(r.emits, k) {
			return r.service
		}
	}
	return "order"
}

// happen writes events of an order, and the mails that are due then.
func (d *desk) happen(id string, kinds ...kind) {
	for _, k := range kinds {
		e := event.New(k.String(), map[string]any{"items": []map[string]any{{"sku": "mug", "quantity": 2}}}).WithSubject(id)
		e.Source = emitter(k)
		d.write(bus.RecordEvent, e)
	}
	for range withMails(d.orders[id].counts)[notificationSent] - d.orders[id].counts[notificationSent] {
		d.write(bus.RecordEvent, event.New("notification.sent", nil).WithSubject(id))
	}
}

func TestAnOrderIsFollowed(t *testing.T) {
	d := newDesk()
	id := d.begin(1, Approved)
	require.Equal(t, 1, d.open())
	require.Equal(t, 1, d.snapshot(0).turns["inventory"])

	d.happen(id, stockConfirmed)
	require.Equal(t, 1, d.snapshot(0).turns["payment"])
	require.Empty(t, d.takeNews())

	d.happen(id, paymentConfirmed, shipped)
	require.Zero(t, d.open())
	require.Equal(t, 1, d.done)
	news := d.takeNews()
	require.Len(t, news, 1)
	require.Equal(t, []kind{placed, stockConfirmed, paymentConfirmed, shipped}, news[0].order.journey)
	require.Empty(t, news[0].order.wrong)
	require.Empty(t, d.takeNews(), "it is told once")

	s := d.snapshot(100)
	require.Equal(t, []fateSnapshot{{fate: Approved, settled: 1, q: s.fates[0].q}}, s.fates)
	require.Equal(t, 4, s.mails)
	require.Len(t, s.feed, 4, "mails are no news")
	require.Equal(t, []string{"payment", "notification"}, s.feed[1].to)
	require.Equal(t, "0af7651916cd43dd8448eb211c80319c", d.orders[id].traceID)
}

func TestAnOrderThatFailsIsBeingUndone(t *testing.T) {
	d := newDesk()
	id := d.begin(1, Declined)
	d.happen(id, stockConfirmed, paymentRejected)
	require.Equal(t, map[string]int{"undoing": 1, "order": 0}, d.snapshot(0).turns)
	d.happen(id, stockReturned)
	require.Zero(t, d.open())
	require.Zero(t, d.stock["mug"])
}

func TestDuplicatesCountOnce(t *testing.T) {
	d := newDesk()
	id := d.begin(1, Approved)
	e := event.New("stock.confirmed", map[string]any{"items": []map[string]any{{"sku": "mug", "quantity": 2}}}).WithSubject(id)
	r := d.write(bus.RecordEvent, e)
	d.apply(r)
	d.apply(r)
	d.happen(id, paymentConfirmed, shipped)
	require.Empty(t, d.takeNews()[0].order.wrong)
	require.EqualValues(t, 2, d.stock["mug"])
}

func TestOrdersOfOtherRunsAreLeftOut(t *testing.T) {
	d := newDesk()
	other := d.placedBy(7, customers{run: "another"}.address(7))
	r := d.write(bus.RecordEvent, event.New("stock.confirmed", map[string]any{"items": []map[string]any{{"sku": "mug", "quantity": 3}}}).WithSubject(other))
	d.apply(r)
	d.write(bus.RecordDead, event.New("order.placed", nil).WithSubject(other))
	d.write(bus.RecordEvent, event.New("order.shiped", nil).WithSubject(other))

	require.Zero(t, d.open())
	require.Empty(t, d.takeNews())
	require.Zero(t, d.report(evidence{}).Orders)
	require.EqualValues(t, 3, d.stock["mug"], "but they take from this run's stock, once")
}

func TestAnOrderPlacedByHandIsFollowedToo(t *testing.T) {
	d := newDesk()
	id := d.placedBy(1, "somebody@example.com")
	require.Equal(t, 1, d.open())
	d.happen(id, stockConfirmed, paymentRejected, stockReturned)
	require.Zero(t, d.open())
	require.Empty(t, d.takeNews()[0].order.wrong, "any end is right")

	// A late request to cancel opens it again.
	d.happen(id, cancelRequested)
	require.Equal(t, 1, d.open())
	d.happen(id, canceled)
	require.Zero(t, d.open())
	require.Empty(t, d.takeNews(), "it was told")
	r := d.report(evidence{})
	require.Equal(t, Yours, r.Fates[0].Fate)
	require.Equal(t, 1, r.Fates[0].Right)
}

func TestACancelIsAwaited(t *testing.T) {
	d := newDesk()
	id := d.begin(1, Canceled)
	d.happen(id, stockConfirmed, paymentConfirmed, shipped)
	require.Equal(t, 1, d.open(), "the demo has not canceled it yet")
	d.cancelAnswered(1, id, cancelAccepted, nil)
	require.Equal(t, 1, d.open(), "order.cancel_requested has not come")
	d.happen(id, cancelRequested)
	require.Equal(t, 1, d.open(), "nobody has answered it")
	d.happen(id, cancelRefused)
	require.Zero(t, d.open())
	require.Empty(t, d.takeNews()[0].order.wrong)
}

func TestACancelTooLateIsRight(t *testing.T) {
	d := newDesk()
	id := d.begin(1, Canceled)
	d.happen(id, stockConfirmed, paymentConfirmed, shipped)
	d.cancelAnswered(1, id, cancelTooLate, nil)
	require.Zero(t, d.open())
	require.Empty(t, d.takeNews()[0].order.wrong)
	require.Equal(t, "0 canceled, 1 shipped before that", d.report(evidence{}).Fates[0].Note)
}

func TestTheAPIMayBeFasterThanTheLog(t *testing.T) {
	d := newDesk()
	d.expect(1, Canceled, func() { d.done++ })
	d.cancelAnswered(1, "whatever", cancelTooLate, nil)
	id := d.placedBy(1, d.customers.address(1))
	require.Equal(t, cancelTooLate, d.orders[id].cancel)
}

func TestACancelThatFailsIsTold(t *testing.T) {
	d := newDesk()
	id := d.begin(1, Canceled)
	d.cancelAnswered(1, id, cancelFailed, errors.New("no answer"))
	require.Equal(t, "order "+id+" could not be canceled: no answer", d.takeNews()[0].text)
	d.happen(id, stockConfirmed, paymentConfirmed, shipped)
	require.Zero(t, d.open(), "it is not waited for")
	require.NotEmpty(t, d.takeNews()[0].order.wrong)
}

func TestAnOrderThatCantBePlaced(t *testing.T) {
	d := newDesk()
	d.expect(1, Approved, func() { d.done++ })
	d.notPlaced(1, errors.New("refused"))
	require.Equal(t, 1, d.done)
	require.Zero(t, d.open())
	r := d.report(evidence{})
	require.False(t, r.OK())
	require.Equal(t, []string{"order number 1 (approved): it could not be placed: refused"}, r.Faults)
	require.Equal(t, 1, r.Fates[0].Wrong)

	// Only the answer was lost: the order is in the log after all.
	id := d.placedBy(1, d.customers.address(1))
	require.Equal(t, 1, d.open())
	require.Equal(t, fateSnapshot{fate: Approved, open: 1}, d.snapshot(0).fates[0])
	d.happen(id, stockConfirmed, paymentConfirmed, shipped)
	r = d.report(evidence{})
	require.Empty(t, r.Faults)
	require.Equal(t, 1, r.Orders)
	require.Equal(t, 1, d.done)
}

func TestAnOrderThatNeverComes(t *testing.T) {
	d := newDesk()
	d.expect(1, Approved, func() {})
	d.clock = d.clock.Add(3 * time.Second)
	require.Equal(t, 1, d.open())
	require.Equal(t, []string{"order number 1 (approved): it was asked for 3.0 s ago, and order.placed never came"}, d.report(evidence{}).Faults)
}

func TestRetriesAreCountedAndParkedMessagesTold(t *testing.T) {
	d := newDesk()
	id := d.begin(1, TimesOut)
	d.happen(id, stockConfirmed)
	retry := bus.LogRecord{Kind: bus.RecordRetry, Service: "payment", Attempt: 2, Error: "too late",
		Message: bus.Message{Event: event.New("stock.confirmed", nil).WithSubject(id)}}
	d.apply(retry)
	require.Empty(t, d.takeNews(), "a retry is expected")
	s := d.snapshot(1)
	require.Equal(t, 1, s.retries)
	require.Equal(t, entryRetry, s.feed[0].kind)

	retry.Kind = bus.RecordDead
	d.apply(retry)
	n := d.takeNews()
	require.Len(t, n, 1)
	require.Equal(t, "payment parked stock.confirmed of order "+id+": too late", n[0].text)
	require.True(t, n[0].bad)
}

func TestAnEventThatNobodyListensToIsToldOnce(t *testing.T) {
	d := newDesk()
	one, two := d.begin(1, Approved), d.begin(2, Approved)
	for _, id := range []string{one, two} {
		e := event.New("stock.confrimed", nil).WithSubject(id)
		e.Source = "inventory"
		d.write(bus.RecordEvent, e)
	}
	n := d.takeNews()
	require.Len(t, n, 1)
	require.Contains(t, n[0].text, `inventory emitted "stock.confrimed"`)
	require.Equal(t, 2, d.strays["stock.confrimed"])
	require.Equal(t, 2, d.open())
}

func TestAMalformedRecordIsNothing(t *testing.T) {
	d := newDesk()
	d.apply(bus.LogRecord{Kind: bus.RecordEvent, Malformed: errors.New("not an event")})
	d.write(bus.RecordDirect, event.New(bus.AnnouncementType, "not an announcement"))
	require.Zero(t, d.open())
}

func TestOrdersWaitUntilEveryServiceHasSaidWhatItListensTo(t *testing.T) {
	b := newBook(customers{run: "run"}, time.Second, time.Now)
	d := &desk{book: b}
	introduced := b.introductions([]string{"order", "inventory"})
	for i, service := range []string{"order", "payment", "order"} {
		d.write(bus.RecordDirect, event.New(bus.AnnouncementType, bus.Announcement{Service: service}))
		select {
		case <-introduced:
			require.Fail(t, "inventory has said nothing yet", "after announcement %d", i)
		default:
		}
	}
	d.write(bus.RecordDirect, event.New(bus.AnnouncementType, bus.Announcement{Service: "inventory"}))
	<-introduced
	d.write(bus.RecordDirect, event.New(bus.AnnouncementType, bus.Announcement{Service: "inventory"})) // hourly
}
