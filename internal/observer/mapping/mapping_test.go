package mapping_test

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/observer/mapping"
	"github.com/laban-io/laban/internal/observer/record"
	"github.com/laban-io/laban/pkg/event"
	"github.com/laban-io/laban/pkg/flow"
)

func TestAForeignMessageIsAnEvent(t *testing.T) {
	m, err := mapping.Parse(record.Tap{
		Exchange: "shop", EventType: "header:event", Key: "body:/order/0/a~1b", Causation: "header:x-causation-id", Flow: "property:correlation-id",
	})
	require.NoError(t, err)
	got, err := m.Event(&event.Binary{
		MessageID: "m1", CorrelationID: "f1", AppID: "payment", RoutingKey: "rk", Timestamp: time.Unix(5, 0),
		Headers: map[string]any{
			"event": []byte("PaymentConfirmed"), "x-causation-id": int64(12),
			"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
		},
		Body: []byte(` {"order": [ {"a/b": 1042.50, "x": {}} ]}`),
	})
	require.NoError(t, err)
	want := flow.Event{
		ID: "m1", Source: "payment", Type: "PaymentConfirmed", Key: "1042.50", FlowID: "f1", CausationID: "12", Time: time.Unix(5, 0).UTC(),
		Trace: flow.Trace{
			TraceID: [16]byte{0x0a, 0xf7, 0x65, 0x19, 0x16, 0xcd, 0x43, 0xdd, 0x84, 0x48, 0xeb, 0x21, 0x1c, 0x80, 0x31, 0x9c},
			SpanID:  [8]byte{0xb7, 0xad, 0x6b, 0x71, 0x69, 0x20, 0x33, 0x31}, Sampled: true,
		},
	}
	require.Empty(t, cmp.Diff(want, got))
}

// Clients of other languages have kinds of number that Go's does not send.
func TestAKeyMayBeAnyScalarHeader(t *testing.T) {
	m, err := mapping.Parse(record.Tap{Exchange: "shop", EventType: "routing-key", Key: "header:order"})
	require.NoError(t, err)
	for want, header := range map[string]any{
		"a": "a", "b": []byte("b"), "-1": int8(-1), "2": int16(2), "3": int32(3), "4": int64(4), "5": 5,
		"6": uint8(6), "7": uint16(7), "8": uint32(8), "1.5": 1.5, "0.25": float32(0.25), "true": true,
		"1970-01-01T00:00:05Z": time.Unix(5, 0), "": []any{"x"},
	} {
		e, err := m.Event(&event.Binary{RoutingKey: "t", Headers: map[string]any{"order": header}})
		require.NoError(t, err)
		require.Equal(t, want, e.Key, "%T", header)
	}
}

func TestWhatDoesNotFitSaysWhy(t *testing.T) {
	m, err := mapping.Parse(record.Tap{Exchange: "shop", EventType: "property:type", Key: "body:/id"})
	require.NoError(t, err)
	for reason, msg := range map[string]event.Binary{
		mapping.NoType:  {Body: []byte(`{"id":1}`)},
		mapping.NotJSON: {Type: "t", Body: []byte(`{"id":`)},
		mapping.BadText: {Type: "t", Body: []byte(`{"id":"a\u0000b"}`)},
	} {
		_, err := m.Event(&msg)
		var unreadable *mapping.Unreadable
		require.ErrorAs(t, err, &unreadable)
		require.Equal(t, reason, unreadable.Reason)
	}
	for _, body := range []string{`{}`, `[]`, `{"id":null}`, `{"id":{}}`, `3`, `"x"`} {
		e, err := m.Event(&event.Binary{Type: "t", Body: []byte(body)})
		require.NoError(t, err, body)
		require.Empty(t, e.Key, body)
	}
}

func TestPlacesAreCheckedAndNearMissesNamed(t *testing.T) {
	for _, good := range []string{"", "routing-key", "property:app-id", "header:x", "body:/a/b~0c"} {
		p, err := mapping.ParsePlace(good)
		require.NoError(t, err)
		require.Equal(t, good, p.String())
	}
	for bad, says := range map[string]string{
		"routingkey":          `did you mean "routing-key"?`,
		"property:message_id": "did you mean property:message-id?",
		"headers:x":           `did you mean "header"?`,
		"body:order/id":       "begins with a slash",
		"body:/a~2":           "~0",
		"header:":             "1 to 255",
	} {
		_, err := mapping.ParsePlace(bad)
		require.ErrorContains(t, err, says)
	}
}

func TestTraceparents(t *testing.T) {
	const good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"
	require.False(t, mapping.ParseTraceparent(good).IsZero())
	require.False(t, mapping.ParseTraceparent("cc"+good[2:]+"-what-comes-later").IsZero())
	for _, bad := range []string{
		"", good[:54], good + "-x", "ff" + good[2:], "00-00000000000000000000000000000000-b7ad6b7169203331-00",
		"00-0af7651916cd43dd8448eb211c80319c-0000000000000000-00", "00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00",
		"cc" + good[2:] + "x",
	} {
		require.True(t, mapping.ParseTraceparent(bad).IsZero(), bad)
	}
}

// FuzzEvent: whatever comes, an event has a type and bounded texts, or the error
// has a reason.
func FuzzEvent(f *testing.F) {
	f.Add("body:/type", "body:/a/0", "header:h", `{"type":"x","a":["k"]}`, "v", "rk")
	f.Add("routing-key", "property:app-id", "body:/~1", `{"/":1e999}`, "", "")
	f.Fuzz(func(t *testing.T, typ, key, id, body, header, routingKey string) {
		m, err := mapping.Parse(record.Tap{EventType: typ, Key: key, ID: id})
		if err != nil {
			return
		}
		e, err := m.Event(&event.Binary{
			RoutingKey: routingKey, AppID: header, Body: []byte(body),
			Headers: map[string]any{"h": header, "traceparent": header},
		})
		var unreadable *mapping.Unreadable
		if errors.As(err, &unreadable) {
			require.NotEmpty(t, unreadable.Reason)
			return
		}
		require.NoError(t, err)
		require.NotEmpty(t, e.Type)
		for _, text := range []string{e.Type, e.Key, e.ID, e.Source} {
			require.LessOrEqual(t, len(text), event.MaxAttribute)
			_, err := json.Marshal(text)
			require.NoError(t, err)
		}
	})
}
