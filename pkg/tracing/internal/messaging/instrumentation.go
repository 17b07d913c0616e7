package messaging

import (
	"context"
	"sync"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// Instrumentation writes the spans and metrics. It is safe for concurrent use.
type Instrumentation struct {
	// ByParent says that the sampler drops every span whose parent was sampled
	// out. It is set before use.
	ByParent bool

	provider trace.TracerProvider
	tracer   trace.Tracer
	instruments
	series   cache
	wordings sync.Pool // of *wording
}

// New returns an instrumentation of the given scope. Where it returns an
// error, the instrumentation works without some of its metrics.
func New(tp trace.TracerProvider, mp metric.MeterProvider, scope, version string) (*Instrumentation, error) {
	i := &Instrumentation{
		provider: tp,
		tracer: tp.Tracer(scope,
			trace.WithInstrumentationVersion(version), trace.WithSchemaURL(semconv.SchemaURL)),
	}
	var err error
	i.instruments, err = newInstruments(mp.Meter(scope,
		metric.WithInstrumentationVersion(version), metric.WithSchemaURL(semconv.SchemaURL)), i.series.all)
	return i, err
}

// Series returns what the messages of op on d have in common.
func (i *Instrumentation) Series(op Operation, d Destination) *Series { return i.series.get(op, d) }

// Start starts the span of an operation as a child of ctx's span, or as a root
// where there is none. m, which may be nil, is the message it is about.
//
// What samplers are to see is given at the start. The rest is built only for a
// span that is likely to be recorded: a span whose parent was sampled out is
// most often sampled out as well; see [Instrumentation.Decided].
func (i *Instrumentation) Start(ctx context.Context, s *Series, m *Message, links ...trace.Link) (context.Context, trace.Span) {
	if ctx, ok := i.Decided(ctx); ok {
		return ctx, trace.SpanFromContext(ctx)
	}
	if parent := trace.SpanContextFromContext(ctx); parent.IsValid() && !parent.IsSampled() {
		ctx, span := i.tracer.Start(ctx, s.spanName, s.atStart...)
		if span.IsRecording() {
			span.SetAttributes(m.Attributes()...)
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
	said := i.borrow()
	defer i.giveBack(said)
	said.attrs = m.appendTo(append(said.attrs, s.attrs...))
	said.opts = append(said.opts, s.kind, trace.WithAttributes(said.attrs...))
	if len(links) > 0 {
		said.opts = append(said.opts, trace.WithLinks(links...))
	}
	if root {
		said.opts = append(said.opts, trace.WithNewRoot())
	}
	return i.tracer.Start(ctx, s.spanName, said.opts...) //nolint:spancheck // whoever starts it ends it
}

// wording is memory for what is said at the start of one span. It is used
// again: nobody can keep it, since options can only be read through
// [trace.NewSpanStartConfig], which copies them.
type wording struct {
	attrs []attribute.KeyValue
	opts  []trace.SpanStartOption
}

func (i *Instrumentation) borrow() *wording {
	if said, ok := i.wordings.Get().(*wording); ok {
		return said
	}
	return &wording{attrs: make([]attribute.KeyValue, 0, 24), opts: make([]trace.SpanStartOption, 0, 4)}
}

func (i *Instrumentation) giveBack(said *wording) {
	clear(said.attrs)
	clear(said.opts)
	said.attrs, said.opts = said.attrs[:0], said.opts[:0]
	i.wordings.Put(said)
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
	_, span := i.tracer.Start(ctx, what+s.place, trace.WithAttributes(m.Attributes()...), trace.WithLinks(links...))
	span.End()
}
