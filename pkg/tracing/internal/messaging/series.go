package messaging

import (
	"slices"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// Series is what all messages of one operation on one destination have in
// common.
type Series struct {
	spanName string
	place    string // the span's name after the operation: " " and the destination
	kind     trace.SpanStartOption
	// attrs are the attributes that samplers are to see, and atStart the same
	// with the kind, ready to use.
	attrs   []attribute.KeyValue
	atStart []trace.SpanStartOption

	// durationAttrs are those of the operation's histogram, and succeeded the
	// same of one that went well, ready to use.
	durationAttrs []attribute.KeyValue
	succeeded     []metric.RecordOption
	tally         *tally
}

// newSeries makes the series of op on d. Of a destination that is one too many,
// which shares the tally of others, spans still have the name in an attribute,
// but neither in their own name nor in metrics, as the conventions ask.
func newSeries(op Operation, d Destination, shared *tally) *Series {
	d.Exchange, d.RoutingKey, d.Queue = clean(d.Exchange), clean(d.RoutingKey), clean(d.Queue)
	name := d.name()
	template, anonymous := d.template()
	common := commonAttributes(op, d)

	s := &Series{spanName: op.Name, kind: trace.WithSpanKind(op.spanKind())}
	s.attrs = append(s.attrs, common...)
	s.attrs = append(s.attrs, op.typeAttr(), semconv.MessagingDestinationName(name))
	if d.RoutingKey != "" {
		s.attrs = append(s.attrs, semconv.MessagingRabbitMQDestinationRoutingKey(d.RoutingKey))
	}
	if anonymous {
		s.attrs = append(s.attrs, semconv.MessagingDestinationTemplate(template), semconv.MessagingDestinationAnonymous(true))
	}
	s.atStart = []trace.SpanStartOption{s.kind, trace.WithAttributes(s.attrs...)}

	s.tally = shared
	if shared == nil {
		s.place = " " + template
		s.spanName = op.Name + s.place
		if anonymous {
			common = append(common, semconv.MessagingDestinationTemplate(template))
		} else {
			common = append(common, semconv.MessagingDestinationName(name))
		}
		s.tally = newTally(op.kind, common)
	}
	s.durationAttrs = s.tally.attrs
	if op.kind != process {
		s.durationAttrs = slices.Concat(s.durationAttrs, []attribute.KeyValue{op.typeAttr()})
	}
	s.succeeded = recordOptions(s.durationAttrs)
	return s
}

// commonAttributes are those of op at d's broker, wherever there.
func commonAttributes(op Operation, d Destination) []attribute.KeyValue {
	attrs := []attribute.KeyValue{
		semconv.MessagingSystemKey.String(d.System),
		semconv.MessagingOperationName(op.Name),
	}
	if d.Host != "" {
		attrs = append(attrs, semconv.ServerAddress(d.Host))
		if d.Port != 0 {
			attrs = append(attrs, semconv.ServerPort(d.Port))
		}
	}
	return attrs
}

func recordOptions(attrs []attribute.KeyValue) []metric.RecordOption {
	return []metric.RecordOption{metric.WithAttributeSet(attribute.NewSet(attrs...))}
}

// duration returns the attributes for an operation that ended with the given
// error.type, or well where that is empty.
func (s *Series) duration(errorType string) []metric.RecordOption {
	if errorType == "" {
		return s.succeeded
	}
	return recordOptions(slices.Concat(s.durationAttrs, []attribute.KeyValue{semconv.ErrorTypeKey.String(errorType)}))
}
