package messaging

import (
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// Series is what all messages of one operation on one destination have in
// common. It never changes.
type Series struct {
	spanName string
	place    string // the span's name after the operation: " " and the destination
	kind     trace.SpanStartOption
	// attrs are the attributes that samplers are to see, and atStart the same
	// with the kind, ready to use.
	attrs   []attribute.KeyValue
	atStart []trace.SpanStartOption

	metricAttrs []attribute.KeyValue
	opType      attribute.KeyValue
	succeeded   measures
}

// measures are attribute sets of metrics, ready to use.
type measures struct {
	operation []metric.RecordOption // with messaging.operation.type
	process   []metric.RecordOption
	count     []metric.AddOption
}

// newSeries makes the series of op on d. Of a destination that is one too many
// (lowCardinality is false) spans still name it in an attribute, but neither
// in their own name nor in metrics, as the conventions ask.
func newSeries(op Operation, d Destination, lowCardinality bool) *Series {
	d.Exchange, d.RoutingKey, d.Queue = clean(d.Exchange), clean(d.RoutingKey), clean(d.Queue)
	name := d.name()
	template, anonymous := d.template()

	common := []attribute.KeyValue{
		semconv.MessagingSystemKey.String(d.System),
		semconv.MessagingOperationName(op.Name),
	}
	if d.Host != "" {
		common = append(common, semconv.ServerAddress(d.Host))
		if d.Port != 0 {
			common = append(common, semconv.ServerPort(d.Port))
		}
	}

	s := &Series{spanName: op.Name, kind: trace.WithSpanKind(op.spanKind()), opType: op.typeAttr()}
	s.attrs = append(s.attrs, common...)
	s.attrs = append(s.attrs, s.opType, semconv.MessagingDestinationName(name))
	if d.RoutingKey != "" {
		s.attrs = append(s.attrs, semconv.MessagingRabbitMQDestinationRoutingKey(d.RoutingKey))
	}
	if anonymous {
		s.attrs = append(s.attrs, semconv.MessagingDestinationTemplate(template), semconv.MessagingDestinationAnonymous(true))
	}
	s.atStart = []trace.SpanStartOption{s.kind, trace.WithAttributes(s.attrs...)}

	s.metricAttrs = common
	if lowCardinality {
		s.place = " " + template
		s.spanName = op.Name + s.place
		if anonymous {
			s.metricAttrs = append(s.metricAttrs, semconv.MessagingDestinationTemplate(template))
		} else {
			s.metricAttrs = append(s.metricAttrs, semconv.MessagingDestinationName(name))
		}
	}
	s.succeeded = newMeasures(s.metricAttrs, s.opType)
	return s
}

func newMeasures(attrs []attribute.KeyValue, opType attribute.KeyValue) measures {
	plain := metric.WithAttributeSet(attribute.NewSet(attrs...))
	typed := metric.WithAttributeSet(attribute.NewSet(append(attrs[:len(attrs):len(attrs)], opType)...))
	return measures{
		operation: []metric.RecordOption{typed},
		process:   []metric.RecordOption{plain},
		count:     []metric.AddOption{plain},
	}
}

// measure returns the attribute sets for an operation that ended with the given
// error.type, or well where that is empty.
func (s *Series) measure(errorType string) measures {
	if errorType == "" {
		return s.succeeded
	}
	attrs := append(s.metricAttrs[:len(s.metricAttrs):len(s.metricAttrs)], semconv.ErrorTypeKey.String(errorType))
	return newMeasures(attrs, s.opType)
}
