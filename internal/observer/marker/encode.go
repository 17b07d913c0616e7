package marker

import (
	"time"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/laban-io/laban/pkg/flow"
)

// Service is service.name of all markers. The resource has nothing else: what
// changes from one observer to the next would make two spans of one.
const Service = "laban-observer"

const scope = "github.com/laban-io/laban/internal/observer/marker"

// encode returns a span as it is sent: OTLP's ResourceSpans. All text in it is
// valid UTF-8 already, without which it could not be encoded.
func encode(s *tracepb.Span) []byte {
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(&tracepb.ResourceSpans{
		Resource:   &resourcepb.Resource{Attributes: []*commonpb.KeyValue{text("service.name", Service)}},
		ScopeSpans: []*tracepb.ScopeSpans{{Scope: &commonpb.InstrumentationScope{Name: scope}, Spans: []*tracepb.Span{s}}},
	})
	if err != nil {
		panic("marker: a span can't be encoded: " + err.Error()) //nolint:forbidigo // all texts go through fit, so this can't be
	}
	return b
}

// attributes are those of a marker, always in one order.
func attributes(kind string, t *flow.Transition) []*commonpb.KeyValue {
	a := make([]*commonpb.KeyValue, 0, 16)
	a = append(a, text("laban.flow.id", name(t.FlowID)), text("laban.flow.name", name(t.Choreography)))
	if t.Key != "" {
		a = append(a, text("laban.flow.key", name(t.Key)))
	}
	if status := statusOf(kind, t); status != "" {
		a = append(a, text("laban.flow.status", status))
	}
	a = append(a, number("laban.log.offset", int64(t.Offset))) //nolint:gosec // no stream has so many records
	switch t.Kind {
	case flow.Overdue, flow.Recovered:
		a = appendStall(a, t)
	case flow.Ended:
		a = append(a, double("laban.flow.duration", t.Duration.Seconds()), truth("laban.flow.clean", t.Clean))
		if t.Again {
			a = append(a, truth("laban.flow.again", true))
		}
	case flow.Shut:
		a = append(a, text("laban.flow.reason", sentence(t.Detail)))
	default:
	}
	return a
}

// statusOf is the status that a marker tells of, or "". An overdue side
// obligation does not stall its flow, and what a flow recovers to may still be
// stalled by another.
func statusOf(kind string, t *flow.Transition) string {
	switch {
	case kind == kindStarted:
		return flow.Running.String()
	case kind == kindRecovered, t.Due.Side:
		return ""
	default:
		return kind
	}
}

func appendStall(a []*commonpb.KeyValue, t *flow.Transition) []*commonpb.KeyValue {
	a = append(a,
		text("laban.step", name(t.Due.Step)),
		text("laban.stall.owner", name(t.Due.Service)),
		text("laban.stall.on", name(t.Due.On)),
		texts("laban.stall.for", t.Due.For),
		text("laban.stall.deadline", t.Due.Deadline.UTC().Format(time.RFC3339Nano)),
		text("laban.stall.cause", t.Finding.Cause.String()),
		text("laban.stall.certainty", t.Finding.Certainty.String()),
		text("laban.stall.evidence", sentence(t.Finding.Evidence)),
	)
	if t.Due.Side {
		a = append(a, truth("laban.stall.side", true))
	}
	return a
}

func text(key, value string) *commonpb.KeyValue {
	return &commonpb.KeyValue{Key: key, Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: value}}}
}

// maxTexts bounds a list of names.
const maxTexts = 64

func texts(key string, values []string) *commonpb.KeyValue {
	list := &commonpb.ArrayValue{}
	for _, value := range values[:min(len(values), maxTexts)] {
		list.Values = append(list.Values, text("", name(value)).GetValue())
	}
	return &commonpb.KeyValue{Key: key, Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_ArrayValue{ArrayValue: list}}}
}

func number(key string, value int64) *commonpb.KeyValue {
	return &commonpb.KeyValue{Key: key, Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_IntValue{IntValue: value}}}
}

func double(key string, value float64) *commonpb.KeyValue {
	return &commonpb.KeyValue{Key: key, Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_DoubleValue{DoubleValue: value}}}
}

func truth(key string, value bool) *commonpb.KeyValue {
	return &commonpb.KeyValue{Key: key, Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_BoolValue{BoolValue: value}}}
}
