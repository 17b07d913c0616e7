package tracing

import (
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/laban-io/laban/pkg/tracing/internal/messaging"
)

// config is what options of [NewHooks] set.
type config struct {
	tracerProvider trace.TracerProvider
	meterProvider  metric.MeterProvider
	propagator     propagation.TextMapPropagator
	settleSpans    SettleSpans
	byParent       bool
}

// Option changes how [NewHooks] works.
type Option interface{ apply(*config) }

type optionFunc func(*config)

func (f optionFunc) apply(c *config) { f(c) }

// newConfig returns what opts say. What they do not is OpenTelemetry's global
// state at this moment.
func newConfig(opts []Option) config {
	var c config
	for _, o := range opts {
		if o != nil {
			o.apply(&c)
		}
	}
	if c.tracerProvider == nil {
		c.tracerProvider = otel.GetTracerProvider()
	}
	if c.meterProvider == nil {
		c.meterProvider = otel.GetMeterProvider()
	}
	if c.propagator == nil {
		c.propagator = otel.GetTextMapPropagator()
	}
	return c
}

// WithTracerProvider sets where spans go. Nil means the global provider.
func WithTracerProvider(p trace.TracerProvider) Option {
	return optionFunc(func(c *config) { c.tracerProvider = p })
}

// WithMeterProvider sets where metrics go. Nil means the global provider.
func WithMeterProvider(p metric.MeterProvider) Option {
	return optionFunc(func(c *config) { c.meterProvider = p })
}

// WithSamplingByParent says that the provider's sampler drops every span whose
// parent was sampled out, as the SDK's default does and all parentbased_* of
// OTEL_TRACES_SAMPLER do. Such a span is then begun without asking the sampler,
// which halves what a message of such a trace costs. [Telemetry.Hooks] has it
// where it holds.
func WithSamplingByParent() Option {
	return optionFunc(func(c *config) { c.byParent = true })
}

// WithPropagator sets how trace context travels in messages. Nil means the
// global propagator. In storage (an outbox row, a flow's own trace) it is
// always W3C Trace Context, so that a change of this setting leaves what is
// stored readable.
func WithPropagator(p propagation.TextMapPropagator) Option {
	return optionFunc(func(c *config) { c.propagator = p })
}

// SettleSpans says which deliveries get a span of their own for being settled.
// Metrics count every one of them. See docs/adr/0004-settle-spans.md.
type SettleSpans = messaging.SettleSpans

// The choices of [WithSettleSpans].
const (
	// SettleSpansUnlessAcked: those that are retried, parked, dropped or
	// requeued. This is the default.
	SettleSpansUnlessAcked = messaging.SettleSpansUnlessAcked
	// SettleSpansAll: every delivery.
	SettleSpansAll = messaging.SettleSpansAll
	// SettleSpansNone: none.
	SettleSpansNone = messaging.SettleSpansNone
)

// WithSettleSpans sets which deliveries get a span for being settled.
func WithSettleSpans(s SettleSpans) Option {
	return optionFunc(func(c *config) { c.settleSpans = s })
}
