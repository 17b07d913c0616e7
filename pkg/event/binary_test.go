package event_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/pkg/event"
)

var (
	placedAt  = time.Date(2026, 3, 29, 2, 59, 59, 123456789, time.FixedZone("", 7200))
	triggered = time.Date(2026, 3, 29, 0, 59, 58, 0, time.UTC)
)

// complete is an event that has everything, and completeBinary how it travels:
// this is the wire format, which other languages read.
func complete() event.Event {
	return event.Event{
		ID: "01KM", Source: "payment", Type: "payment.confirmed", Subject: "1042", Time: placedAt,
		FlowName: "order", FlowID: "01KF", CausationID: "01KC", TriggerTime: triggered, ServiceVersion: "1.4.2",
		DataContentType: "application/json", DataSchema: "https://schemas.example.org/payment", Data: []byte(`{"amount":4900}`),
		Extensions: map[string]string{"tenant": "eu"},
	}
}

func completeBinary() event.Binary {
	return event.Binary{
		MessageID: "01KM", Type: "payment.confirmed", CorrelationID: "01KF", AppID: "payment",
		ContentType: "application/json", Timestamp: placedAt, RoutingKey: "payment.confirmed",
		Headers: map[string]any{
			"cloudEvents:specversion": "1.0", "cloudEvents:id": "01KM", "cloudEvents:source": "payment",
			"cloudEvents:type": "payment.confirmed", "cloudEvents:subject": "1042",
			"cloudEvents:time":     "2026-03-29T00:59:59.123456789Z",
			"cloudEvents:flowname": "order", "cloudEvents:flowid": "01KF", "cloudEvents:causationid": "01KC",
			"cloudEvents:triggertime": "2026-03-29T00:59:58Z", "cloudEvents:serviceversion": "1.4.2",
			"cloudEvents:dataschema": "https://schemas.example.org/payment", "cloudEvents:tenant": "eu",
		},
		Body: []byte(`{"amount":4900}`),
	}
}

func TestMarshal(t *testing.T) {
	b, err := event.Marshal(complete())
	require.NoError(t, err)
	require.Empty(t, cmp.Diff(completeBinary(), b))

	b, err = event.Marshal(minimal())
	require.NoError(t, err)
	require.Equal(t, map[string]any{
		"cloudEvents:specversion": "1.0", "cloudEvents:id": "1", "cloudEvents:source": "order",
		"cloudEvents:type": "order.placed", "cloudEvents:time": "2023-11-14T22:13:20Z",
	}, b.Headers, "what an event does not have has no header")

	_, err = event.Marshal(event.Event{})
	require.ErrorIs(t, err, event.ErrInvalid)
}

func TestUnmarshal(t *testing.T) {
	e, err := event.Unmarshal(completeBinary())
	require.NoError(t, err)
	require.Empty(t, diff(complete(), e))
	require.Equal(t, time.UTC, e.Time.Location())
}

// What is missing or written otherwise is read as far as it can be.
func TestUnmarshalTolerates(t *testing.T) {
	second := time.Unix(1_700_000_000, 0).UTC()
	for name, c := range map[string]struct {
		b    event.Binary
		want event.Event
	}{
		"native properties only": {
			event.Binary{MessageID: "m", Type: "order.placed", AppID: "legacy", CorrelationID: "c", Timestamp: second, ContentType: "text/plain", Body: []byte("hi")},
			event.Event{ID: "m", Type: "order.placed", Source: "legacy", Time: second, DataContentType: "text/plain", Data: []byte("hi")},
		},
		"routing key for a type": {
			event.Binary{MessageID: "m", RoutingKey: "order.placed"},
			event.Event{ID: "m", Type: "order.placed"},
		},
		"headers go before properties": {
			event.Binary{MessageID: "m", Type: "t", AppID: "a", RoutingKey: "r", Timestamp: second, Headers: map[string]any{
				"cloudEvents:id": "1", "cloudEvents:type": "order.placed", "cloudEvents:source": "order", "cloudEvents:time": "2026-01-02T03:04:05.6+01:00",
			}},
			event.Event{ID: "1", Type: "order.placed", Source: "order", Time: time.Date(2026, 1, 2, 2, 4, 5, 600_000_000, time.UTC)},
		},
		"other prefix": {
			event.Binary{Headers: map[string]any{"cloudEvents_specversion": "1.0", "cloudEvents_id": "1", "cloudEvents_type": "order.placed", "cloudEvents_tenant": "eu"}},
			event.Event{ID: "1", Type: "order.placed", Extensions: map[string]string{"tenant": "eu"}},
		},
		"both prefixes": {
			event.Binary{RoutingKey: "t", Headers: map[string]any{"cloudEvents_id": "wrong", "cloudEvents:id": "right", "cloudEvents_subject": "1042"}},
			event.Event{ID: "right", Type: "t", Subject: "1042"},
		},
		"correlation id of a named flow": {
			event.Binary{MessageID: "m", RoutingKey: "t", CorrelationID: "f", Headers: map[string]any{"cloudEvents:flowname": "order"}},
			event.Event{ID: "m", Type: "t", FlowName: "order", FlowID: "f"},
		},
		"half a flow": {
			event.Binary{MessageID: "m", RoutingKey: "t", Headers: map[string]any{"cloudEvents:flowname": "order"}},
			event.Event{ID: "m", Type: "t"},
		},
		"the other half": {
			event.Binary{MessageID: "m", RoutingKey: "t", CorrelationID: "c", Headers: map[string]any{"cloudEvents:flowid": "f"}},
			event.Event{ID: "m", Type: "t"},
		},
		"later minor version": {
			event.Binary{MessageID: "m", RoutingKey: "t", Headers: map[string]any{"cloudEvents:specversion": "1.1"}},
			event.Event{ID: "m", Type: "t"},
		},
		"any scalar": {
			event.Binary{RoutingKey: "t", Headers: map[string]any{
				"cloudEvents:id": []byte("1"), "cloudEvents:subject": int64(1042), "cloudEvents:time": second,
				"cloudEvents:a": true, "cloudEvents:b": int32(-7), "cloudEvents:c": 1.5, "cloudEvents:d": int8(-1), "cloudEvents:e": int16(2),
				"cloudEvents:f": uint8(3), "cloudEvents:g": float32(0.25), "cloudEvents:h": 9,
				"cloudEvents:i": uint16(4), "cloudEvents:j": uint32(5),
			}},
			event.Event{ID: "1", Type: "t", Subject: "1042", Time: second, Extensions: map[string]string{
				"a": "true", "b": "-7", "c": "1.5", "d": "-1", "e": "2", "f": "3", "g": "0.25", "h": "9",
				"i": "4", "j": "5",
			}},
		},
		"tables, arrays and nothing": {
			event.Binary{MessageID: "m", RoutingKey: "t", Headers: map[string]any{
				"cloudEvents:subject": map[string]any{"x": 1}, "cloudEvents:tenant": []any{"x"}, "cloudEvents:id": nil,
			}},
			event.Event{ID: "m", Type: "t"},
		},
		"unreadable times": {
			event.Binary{MessageID: "m", RoutingKey: "t", Headers: map[string]any{"cloudEvents:time": "yesterday", "cloudEvents:triggertime": "0000-01-01T00:00:00Z"}},
			event.Event{ID: "m", Type: "t"},
		},
		"a timestamp that no calendar has": {
			event.Binary{MessageID: "m", RoutingKey: "t", Timestamp: time.Unix(1<<60, 0)},
			event.Event{ID: "m", Type: "t"},
		},
		"names that are none of ours": {
			event.Binary{MessageID: "m", RoutingKey: "t", Headers: map[string]any{
				"cloudEvents:": "x", "cloudEvents:Tenant": "x", "cloudEvents:my_tenant": "x", "cloudevents:id": "x", "id": "x", "cloudEvents:data": "x",
			}},
			event.Event{ID: "m", Type: "t"},
		},
		"content type in a header": {
			event.Binary{MessageID: "m", RoutingKey: "t", ContentType: "text/plain", Headers: map[string]any{"cloudEvents:datacontenttype": "text/csv"}},
			event.Event{ID: "m", Type: "t", DataContentType: "text/csv"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			for range 20 { // maps are read in any order
				e, err := event.Unmarshal(c.b)
				require.NoError(t, err)
				require.Empty(t, diff(c.want, e))
				require.Equal(t, time.UTC, e.Time.Location(), "whatever zone it was written in")
			}
		})
	}
}

func TestUnmarshalRefuses(t *testing.T) {
	with := func(name string, value any) event.Binary {
		return event.Binary{MessageID: "m", RoutingKey: "t", Headers: map[string]any{name: value}, Body: []byte("body")}
	}
	many := event.Binary{MessageID: "m", RoutingKey: "t", Headers: map[string]any{}}
	for i := range event.MaxExtensions + 1 {
		many.Headers["cloudEvents:x"+string(rune('a'+i/26))+string(rune('a'+i%26))] = "y"
	}
	for name, c := range map[string]struct {
		b   event.Binary
		err string
	}{
		"no id":             {event.Binary{RoutingKey: "t"}, "no id"},
		"no type":           {event.Binary{MessageID: "m"}, "no type"},
		"other version":     {with("cloudEvents:specversion", "2.0"), `specversion "2.0"`},
		"odd version":       {with("cloudEvents:specversion", "10"), `specversion "10"`},
		"long version":      {with("cloudEvents:specversion", string(make([]byte, 1<<20))), "specversion"},
		"control character": {with("cloudEvents:subject", "\x1b[2J"), "subject: control character"},
		"not UTF-8":         {with("cloudEvents:tenant", "\xff"), "tenant: not valid UTF-8"},
		"too long":          {with("cloudEvents:type", string(make([]byte, 256))), "type: 256 bytes"},
		"too many":          {many, "extensions: 65 of them"},
		"other format":      {event.Binary{MessageID: "m", RoutingKey: "t", ContentType: "application/cloudevents+avro"}, "datacontenttype: "},
		"batch":             {event.Binary{MessageID: "m", RoutingKey: "t", ContentType: "application/cloudevents-batch+json"}, "datacontenttype: "},
	} {
		t.Run(name, func(t *testing.T) {
			e, err := event.Unmarshal(c.b)
			require.ErrorIs(t, err, event.ErrMalformed)
			require.ErrorContains(t, err, c.err)
			require.Less(t, len(err.Error()), 300, "an error does not repeat what is hostile at length")
			require.Equal(t, c.b.MessageID, e.ID, "what could be read is returned")
			require.Equal(t, c.b.Body, e.Data)
		})
	}
}

func TestPlainHeaders(t *testing.T) {
	require.Nil(t, event.PlainHeaders(nil))
	require.Nil(t, event.PlainHeaders(completeBinary().Headers))
	require.Equal(t, map[string]string{"traceparent": "00-1", "count": "7", "raw": "x"}, event.PlainHeaders(map[string]any{
		"traceparent": "00-1", "count": int32(7), "raw": []byte("x"), "cloudEvents:id": "1", "cloudEvents_id": "1",
		"x-death": []any{"table"}, "nothing": nil,
	}))
	require.True(t, event.IsAttribute("cloudEvents:id"))
	require.True(t, event.IsAttribute("cloudEvents_x"))
	require.False(t, event.IsAttribute("cloudEvents:"))
	require.False(t, event.IsAttribute("traceparent"))
}
