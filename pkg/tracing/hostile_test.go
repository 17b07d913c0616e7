package tracing_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/baggage"

	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
)

func TestBadTraceparentsBeginANewTrace(t *testing.T) {
	for _, header := range []string{
		"", "-", "00", "garbage", strings.Repeat("0", 1<<16),
		"00-00000000000000000000000000000000-b7ad6b7169203331-01",
		"00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
		"00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
		"ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
		"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
		"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-zz",
		"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\x00",
	} {
		t.Run(header[:min(len(header), 60)], func(t *testing.T) {
			r := record(t)
			d := deliver(message(), "delivery", 1)
			d.Headers = map[string]string{"traceparent": header, "tracestate": "=,=,\xff", bus.HeaderRedrive: header}
			r.process(context.Background(), d, bus.Verdict{}, nil)
			span := r.span("process events:payment.confirmed:delivery")
			require.False(t, span.Parent.IsValid())
			require.Empty(t, span.Links)
		})
	}
}

func TestHugeBaggage(t *testing.T) {
	for name, header := range map[string]string{
		"one member":   "a=" + strings.Repeat("x", 1<<20),
		"many members": strings.Repeat("a=b,", 1<<18),
		"ill-formed":   strings.Repeat("=\xff;", 1<<18),
	} {
		t.Run(name, func(t *testing.T) {
			r := record(t)
			d := deliver(message(), "delivery", 1)
			d.Headers = map[string]string{"baggage": header}
			r.process(context.Background(), d, bus.Verdict{}, func(ctx context.Context) {
				require.LessOrEqual(t, len(baggage.FromContext(ctx).String()), 8192)
			})
			r.span("process events:payment.confirmed:delivery")
		})
	}
}

// OTLP carries valid UTF-8 only: one ill-formed attribute would cost all spans
// that are exported with it.
func TestIllFormedTextIsMended(t *testing.T) {
	r := record(t)
	bad := "x\xff\xfe" + strings.Repeat("é", 4000)
	m := &bus.Message{
		Event:    event.Event{ID: bad, Type: bad, Subject: bad, FlowID: bad, FlowName: bad},
		Exchange: bad, RoutingKey: bad, Info: rabbit(),
	}
	d := deliver(m, bad, 1)
	d.Malformed = event.ErrMalformed
	r.process(context.Background(), d, bus.Verdict{Action: bus.Park, Err: errors.New(bad)}, nil)
	require.Len(t, r.spans.GetSpans(), 2)
	for _, s := range r.spans.GetSpans() {
		require.True(t, utf8.ValidString(s.Name))
		require.LessOrEqual(t, len(s.Name), 1024)
		require.True(t, utf8.ValidString(s.Status.Description))
		for _, a := range s.Attributes {
			if a.Value.Type() == attribute.STRING {
				require.True(t, utf8.ValidString(a.Value.AsString()), a.Key)
				require.LessOrEqual(t, len(a.Value.AsString()), 1024, a.Key)
			}
		}
	}
}

func TestNothingButADelivery(t *testing.T) {
	r := record(t)
	r.process(context.Background(), &bus.Delivery{}, bus.Verdict{Action: bus.Park}, nil)
	require.Equal(t, []string{"process amq.default", "park amq.default"}, r.names())
	require.Equal(t, "_OTHER", asMap(r.span("process amq.default").Attributes)["error.type"])
}

func FuzzExtract(f *testing.F) {
	f.Add("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "k=v", "a=b;c", "1", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "id")
	f.Add("", "", "", "", "", "")
	f.Add("cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-ff-x", "=", "%zz=\xff", "\x00", "00-1", "\xff")
	f.Fuzz(func(t *testing.T, traceparent, tracestate, bag, redrive, link, id string) {
		r := record(t)
		headers := map[string]string{
			"traceparent": traceparent, "tracestate": tracestate, "baggage": bag,
			bus.HeaderRedrive: redrive, "laban-link": link,
		}
		m := message()
		m.Event.ID, m.Event.FlowID, m.RoutingKey = id, id, id
		d := deliver(m, "q", 1)
		d.Headers = headers
		r.process(context.Background(), d, bus.Verdict{}, func(ctx context.Context) {
			next := message()
			next.Headers = map[string]string{}
			r.hooks.Inject(bus.WithFlow(ctx, bus.Flow{Name: "f", ID: id, Trace: headers}), next.Headers)
			r.publish(r.hooks.Extract(ctx, next.Headers), next, nil)
			require.NotContains(t, next.Headers, "laban-link")
		})
		require.NotEmpty(t, r.names())
		for _, s := range r.spans.GetSpans() {
			require.True(t, utf8.ValidString(s.Name))
			for _, a := range s.Attributes {
				require.True(t, utf8.ValidString(a.Value.String()), a.Key)
			}
		}
	})
}
