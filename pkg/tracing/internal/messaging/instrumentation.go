package messaging

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// Instrumentation writes the spans and metrics. It is safe for concurrent use.
type Instrumentation struct {
	tracer trace.Tracer
	instruments
	series cache
}

// New returns an instrumentation of the given scope. Where it returns an
// error, the instrumentation works without some of its metrics.
func New(tp trace.TracerProvider, mp metric.MeterProvider, scope, version string) (*Instrumentation, error) {
	i, err := newInstruments(mp.Meter(scope,
		metric.WithInstrumentationVersion(version), metric.WithSchemaURL(semconv.SchemaURL)))
	return &Instrumentation{
		tracer: tp.Tracer(scope,
			trace.WithInstrumentationVersion(version), trace.WithSchemaURL(semconv.SchemaURL)),
		instruments: i,
	}, err
}

// Series returns what the messages of op on d have in common.
func (i *Instrumentation) Series(op Operation, d Destination) *Series { return i.series.get(op, d) }

// Start starts the span of an operation as a child of ctx's span, or as a root
// where there is none. m, which may be nil, is the message it is about.
//
// What samplers are to see is given at the start. The rest is built only for a
// span that is likely to be recorded: a span whose parent was sampled out is
// most often sampled out as well.
func (i *Instrumentation) Start(ctx context.Context, s *Series, m *Message, links ...trace.Link) (context.Context, trace.Span) {
	if parent := trace.SpanContextFromContext(ctx); parent.IsValid() && !parent.IsSampled() {
		ctx, span := i.tracer.Start(ctx, s.spanName, s.atStart...)
		if span.IsRecording() {
			span.SetAttributes(m.attributes(nil)...)
			for _, l := range links {
				span.AddLink(l)
			}
		}
		return ctx, span
	}
	return i.start(ctx, s, m, false, links)
}

// StartRoot is [Instrumentation.Start] for a span that begins a new trace.
func (i *Instrumentation) StartRoot(ctx context.Context, s *Series, m *Message, links ...trace.Link) (context.Context, trace.Span) {
	return i.start(ctx, s, m, true, links)
}

func (i *Instrumentation) start(ctx context.Context, s *Series, m *Message, root bool, links []trace.Link) (context.Context, trace.Span) {
	opts := make([]trace.SpanStartOption, 2, 4)
	opts[0], opts[1] = s.kind, trace.WithAttributes(m.attributes(s.attrs)...)
	if len(links) > 0 {
		opts = append(opts, trace.WithLinks(links...))
	}
	if root {
		opts = append(opts, trace.WithNewRoot())
	}
	return i.tracer.Start(ctx, s.spanName, opts...)
}

// Fail says on the span that its operation failed. Attributes other than
// error.type follow.
func Fail(span trace.Span, errorType, description string, more ...attribute.KeyValue) {
	if !span.IsRecording() {
		return
	}
	span.SetStatus(codes.Error, description)
	span.SetAttributes(semconv.ErrorTypeKey.String(errorType))
	span.SetAttributes(more...)
}

// Mark leaves a span without a duration in ctx's trace that is no operation of
// the conventions: what says what it marks, the links where to look.
func (i *Instrumentation) Mark(ctx context.Context, what string, s *Series, m *Message, links ...trace.Link) {
	_, span := i.tracer.Start(ctx, what+s.place, trace.WithAttributes(m.attributes(nil)...), trace.WithLinks(links...))
	span.End()
}
