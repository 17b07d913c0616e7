package database

import (
	"database/sql"

	"github.com/XSAM/otelsql"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	metricnoop "go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/trace"
	tracenoop "go.opentelemetry.io/otel/trace/noop"
)

// Option adjusts [Open].
type Option interface{ apply(*options) }

type options struct {
	volatile bool
	relaxed  bool
	readOnly bool
	traces   trace.TracerProvider
	metrics  metric.MeterProvider
}

type optionFunc func(*options)

func (f optionFunc) apply(o *options) { f(o) }

// Volatile lets SQLite answer before the disk has what was committed. What
// crashes is then a matter of the machine's, not of the process: use it where
// the database goes with the process anyway. It changes nothing on PostgreSQL.
func Volatile() Option { return optionFunc(func(o *options) { o.volatile = true }) }

// Relaxed lets a commit be answered before the disk has it, in order all the
// same: after a crash of the machine the last commits may be gone, never one
// without those that came after it, and the database is whole. Use it where
// what is written can be derived again.
func Relaxed() Option { return optionFunc(func(o *options) { o.relaxed = true }) }

// ReadOnly refuses every statement that writes. A SQLite file must be there
// already.
func ReadOnly() Option { return optionFunc(func(o *options) { o.readOnly = true }) }

// WithTracing makes a span of each statement and transaction that runs under
// a span: statements of an idle relay make none. Without it there are none.
func WithTracing(p trace.TracerProvider) Option {
	return optionFunc(func(o *options) { o.traces = p })
}

// WithMetrics records how long statements take. Without it nothing is.
func WithMetrics(p metric.MeterProvider) Option {
	return optionFunc(func(o *options) { o.metrics = p })
}

// open returns the pool, instrumented where that was asked for.
func (o *options) open(s source) *sql.DB {
	if o.traces == nil && o.metrics == nil {
		return sql.OpenDB(s.connector)
	}
	// otelsql takes the global providers for those it is not given.
	traces, metrics := o.traces, o.metrics
	if traces == nil {
		traces = tracenoop.NewTracerProvider()
	}
	if metrics == nil {
		metrics = metricnoop.NewMeterProvider()
	}
	return otelsql.OpenDB(s.connector,
		otelsql.WithTracerProvider(traces),
		otelsql.WithMeterProvider(metrics),
		otelsql.WithAttributes(attribute.String("db.system.name", s.system), attribute.String("db.namespace", s.namespace)),
		otelsql.WithDisableSkipErrMeasurement(true),
		otelsql.WithSpanOptions(otelsql.SpanOptions{
			DisableErrSkip:       true,
			OmitConnResetSession: true,
			OmitConnPrepare:      true,
			OmitRows:             true,
			OmitConnectorConnect: true,
			SpanFilter:           underSpan,
		}),
	)
}
