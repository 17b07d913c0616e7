package amqptrace_test

import (
	"context"
	"testing"
	"time"
	"unicode/utf8"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/pkg/tracing/amqptrace"
)

func TestCarrier(t *testing.T) {
	table := amqp.Table{
		"text": "a", "bytes": []byte("b"), "number": int32(1), "time": time.Now(), "nothing": nil,
		"table": amqp.Table{"x": "y"}, "array": []any{"x"},
	}
	c := amqptrace.HeaderCarrier(table)
	require.Equal(t, "a", c.Get("text"))
	require.Equal(t, "b", c.Get("bytes"))
	for _, name := range []string{"number", "time", "nothing", "table", "array", "missing"} {
		require.Empty(t, c.Get(name), name)
	}
	c.Set("traceparent", "00")
	require.Equal(t, "00", table["traceparent"])
	require.Equal(t, []string{"array", "bytes", "nothing", "number", "table", "text", "time", "traceparent"}, c.Keys())
}

func TestNilCarrier(t *testing.T) {
	var c amqptrace.HeaderCarrier
	require.Empty(t, c.Get("traceparent"))
	c.Set("traceparent", "00")
	require.Empty(t, c.Keys())
}

func FuzzCarrier(f *testing.F) {
	f.Add("traceparent", []byte("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"), true, "k=v", "a=b", "id")
	f.Add("baggage", []byte("a=b;c,\xff"), false, "=", "", "")
	f.Add("cloudEvents:flowid", []byte("\xff"), true, "", "", "\xff")
	f.Fuzz(func(t *testing.T, name string, value []byte, asText bool, tracestate, bag, id string) {
		headers := amqp.Table{"tracestate": tracestate, "baggage": bag, name: value}
		if asText {
			headers[name] = string(value)
		}
		c := amqptrace.HeaderCarrier(headers)
		require.Equal(t, string(value), c.Get(name))
		require.Contains(t, c.Keys(), name)

		r := record(t)
		d := amqp.Delivery{Headers: headers, MessageId: id, CorrelationId: id, Exchange: id, RoutingKey: id}
		require.NoError(t, r.Process(context.Background(), id, d, func(ctx context.Context, d amqp.Delivery) error {
			r.Publish(ctx, id, id, &amqp.Publishing{Headers: d.Headers, MessageId: id})(nil)
			return nil
		}))
		require.NoError(t, r.ProcessBatch(context.Background(), id, []amqp.Delivery{d, d}, func(context.Context, []amqp.Delivery) error { return nil }))
		require.Len(t, r.names(), 3)
		for _, s := range r.spans.GetSpans() {
			require.True(t, utf8.ValidString(s.Name))
			for _, a := range s.Attributes {
				require.True(t, utf8.ValidString(a.Value.String()), a.Key)
			}
		}
	})
}
