package source

import (
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/observer/record"
	"github.com/laban-io/laban/pkg/amqpbus"
	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
)

// delivered is an event as a stream hands it out.
func delivered(t testing.TB, e event.Event, exchange string, headers amqp.Table) amqp.Delivery {
	t.Helper()
	p, err := amqpbus.EncodeEvent(&bus.Message{Event: e})
	require.NoError(t, err)
	for name, value := range headers {
		p.Headers[name] = value
	}
	p.Headers["x-stream-offset"] = int64(7)
	return amqp.Delivery{
		Exchange: exchange, RoutingKey: e.Type, Headers: p.Headers, MessageId: p.MessageId, Type: p.Type,
		CorrelationId: p.CorrelationId, AppId: p.AppId, Timestamp: p.Timestamp, ContentType: p.ContentType, Body: p.Body,
	}
}

func made(typ string, data any) event.Event {
	e := event.New(typ, data)
	e.ID, e.Source, e.Time, e.Subject = "e1", "payment", time.Unix(100, 5).UTC(), "1042"
	return e
}

func TestWhatARecordIsTellsItsExchange(t *testing.T) {
	d := newDecoder("events", record.Mapping{Taps: []record.Tap{{Exchange: "shop*", Key: "header:key"}}})
	read := func(m amqp.Delivery) (i Item) {
		d.delivery(&m, &i)
		require.EqualValues(t, 7, i.Offset)
		return i
	}
	placed := made("payment.confirmed", nil)

	i := read(delivered(t, placed, "events", nil))
	require.Equal(t, Event, i.Kind)
	require.Equal(t, "1042", i.Event.Key)
	require.Equal(t, placed.Time, i.Event.Time)

	i = read(delivered(t, placed, "events.dead", amqp.Table{bus.HeaderService: "delivery", bus.HeaderError: "no", bus.HeaderAttempt: int64(3)}))
	require.Equal(t, Failure, i.Kind)
	require.True(t, i.Failure.Parked)
	require.Equal(t, "delivery", i.Failure.Service)
	require.Equal(t, 3, i.Failure.Attempt)

	i = read(delivered(t, made(bus.AnnouncementType, bus.Announcement{Service: "payment", Queue: "payment", RetryLevels: []int64{1, 2}}), "", nil))
	require.Equal(t, Announcement, i.Kind)
	require.Equal(t, 3, i.Announcement.Attempts)

	pulse, err := record.Encode(record.Pulse{Time: time.Unix(9, 0), Epoch: 1}, time.Unix(9, 0))
	require.NoError(t, err)
	i = read(delivered(t, pulse, "", nil))
	require.Equal(t, Own, i.Kind)

	i = read(delivered(t, placed, "shop.orders", amqp.Table{"key": "k1"}))
	require.Equal(t, Event, i.Kind)
	require.Equal(t, "k1", i.Event.Key)
	require.Equal(t, "shop.orders", i.Tap)

	i = read(delivered(t, placed, "other", nil))
	require.Equal(t, "no-mapping", i.Reason)
	i = read(delivered(t, placed, "", nil))
	require.Equal(t, "direct", i.Reason, "an event that was put into the log past its exchange is nobody's word")
	i = read(delivered(t, made("laban.pulse", "no pulse"), "", nil))
	require.Equal(t, "record", i.Reason)
}

func TestAStatedMappingHoldsFromThere(t *testing.T) {
	d := newDecoder("events", record.Mapping{Taps: []record.Tap{{Exchange: "shop", Key: "header:a"}}})
	message := delivered(t, made("x", nil), "shop", amqp.Table{"a": "old", "b": "new"})
	var i Item
	d.delivery(&message, &i)
	require.Equal(t, "old", i.Event.Key)
	stated, err := record.Encode(record.Mapping{Taps: []record.Tap{{Exchange: "shop", Key: "header:b"}}}, time.Unix(1, 0))
	require.NoError(t, err)
	statement := delivered(t, stated, "", nil)
	d.delivery(&statement, &i)
	d.delivery(&message, &i)
	require.Equal(t, "new", i.Event.Key)
}

func TestFingerprintsTellRecordsApart(t *testing.T) {
	a, b := Item{exchange: "e", key: "k", Data: []byte("x")}, Item{exchange: "ek", Data: []byte("x")}
	require.Len(t, a.Fingerprint(), FingerprintSize)
	same := a
	require.Equal(t, a.Fingerprint(), same.Fingerprint())
	require.NotEqual(t, a.Fingerprint(), b.Fingerprint())
}

// FuzzDelivery: whatever a stream has, it is an item, and one that can't be read
// has a reason.
func FuzzDelivery(f *testing.F) {
	f.Add("", "laban.pulse", "id", []byte(`{"time":"2026-01-01T00:00:00Z"}`), "v")
	f.Add("events.dead", "x", "", []byte(nil), "-1")
	f.Add("shop", "", "", []byte(`{"id":1}`), "")
	f.Add("", bus.AnnouncementType, "i", []byte(`{"service":"x","bindings":["#"]}`), "")
	f.Fuzz(func(t *testing.T, exchange, typ, id string, body []byte, header string) {
		d := newDecoder("events", record.Mapping{Taps: []record.Tap{{Exchange: "shop", Key: "body:/id"}}})
		m := amqp.Delivery{
			Exchange: exchange, RoutingKey: typ, Type: typ, MessageId: id, Body: body,
			Headers: amqp.Table{"traceparent": header, bus.HeaderAttempt: header, "x-stream-offset": int64(len(header))},
		}
		var i Item
		d.delivery(&m, &i)
		require.Equal(t, i.Kind == Malformed, i.Reason != "")
		if i.Kind == Event {
			require.NotEmpty(t, i.Event.Type)
		}
	})
}
