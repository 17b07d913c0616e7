package messaging

import (
	"context"
	"encoding/binary"
	"math/rand/v2"

	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

// unsampled is the span of an operation in a trace that was sampled out. It is
// what the SDK would return, without the options that only a sampler reads:
// they cost more than all the rest. It has an id of its own, as the
// specification asks even of a span that nobody will see, for logs and for
// those it is the parent of.
//
// Source: OpenTelemetry specification, "Tracing SDK", SDK Span creation.
type unsampled struct {
	noop.Span
	provider trace.TracerProvider
	sc       trace.SpanContext
}

func (s *unsampled) SpanContext() trace.SpanContext       { return s.sc }
func (s *unsampled) TracerProvider() trace.TracerProvider { return s.provider }

// Decided starts the span of an operation in ctx, if nothing can come of it:
// its parent was sampled out, and [Instrumentation.ByParent] says that this
// decides.
func (i *Instrumentation) Decided(ctx context.Context) (context.Context, bool) {
	if !i.ByParent {
		return ctx, false
	}
	parent := trace.SpanContextFromContext(ctx)
	if !parent.IsValid() || parent.IsSampled() {
		return ctx, false
	}
	return trace.ContextWithSpan(ctx, &unsampled{provider: i.provider, sc: parent.WithSpanID(newSpanID()).WithRemote(false)}), true
}

func newSpanID() (id trace.SpanID) {
	for !id.IsValid() {
		binary.NativeEndian.PutUint64(id[:], rand.Uint64()) //nolint:gosec // an id, and no secret
	}
	return id
}
