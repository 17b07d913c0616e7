package messaging

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/semconv/v1.43.0/messagingconv"
)

// buckets are the boundaries that the conventions ask for, in seconds.
func buckets() metric.HistogramOption {
	return metric.WithExplicitBucketBoundaries(
		.005, .01, .025, .05, .075, .1, .25, .5, .75, 1, 2.5, 5, 7.5, 10)
}

// instruments are the four metrics of messaging clients.
type instruments struct {
	operation messagingconv.ClientOperationDuration
	sent      messagingconv.ClientSentMessages
	consumed  messagingconv.ClientConsumedMessages
	process   messagingconv.ProcessDuration
}

// newInstruments returns usable instruments also with an error: what could not
// be made does nothing.
func newInstruments(meter metric.Meter) (instruments, error) {
	var (
		i    instruments
		errs [4]error
	)
	i.operation, errs[0] = messagingconv.NewClientOperationDuration(meter, buckets())
	i.sent, errs[1] = messagingconv.NewClientSentMessages(meter)
	i.consumed, errs[2] = messagingconv.NewClientConsumedMessages(meter)
	i.process, errs[3] = messagingconv.NewProcessDuration(meter, buckets())
	return i, errors.Join(errs[:]...)
}

// Sent records that a message was sent in so many seconds. errorType is empty
// where it went well.
func (i *Instrumentation) Sent(ctx context.Context, s *Series, seconds float64, errorType string) {
	o := s.measure(errorType)
	i.operation.Inst().Record(ctx, seconds, o.operation...)
	i.sent.Inst().Add(ctx, 1, o.count...)
}

// Processed records that n messages were processed in so many seconds.
func (i *Instrumentation) Processed(ctx context.Context, s *Series, n int, seconds float64, errorType string) {
	o := s.measure(errorType)
	i.process.Inst().Record(ctx, seconds, o.process...)
	i.consumed.Inst().Add(ctx, int64(n), o.count...)
}

// Settled records that a message was settled in so many seconds.
func (i *Instrumentation) Settled(ctx context.Context, s *Series, seconds float64, errorType string) {
	i.operation.Inst().Record(ctx, seconds, s.measure(errorType).operation...)
}
