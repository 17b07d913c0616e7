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

// instruments are the metrics of messaging clients that are durations. Those
// that are counts are observed; see [tally].
type instruments struct {
	operation messagingconv.ClientOperationDuration
	process   messagingconv.ProcessDuration
}

// newInstruments returns usable instruments also with an error: what could not
// be made does nothing.
func newInstruments(meter metric.Meter, tallies func() []*tally) (instruments, error) {
	var (
		i    instruments
		errs [5]error
	)
	i.operation, errs[0] = messagingconv.NewClientOperationDuration(meter, buckets())
	i.process, errs[1] = messagingconv.NewProcessDuration(meter, buckets())
	sent, err := messagingconv.NewClientSentMessagesObservable(meter)
	errs[2] = err
	consumed, err := messagingconv.NewClientConsumedMessagesObservable(meter)
	errs[3] = err
	if errs[2] == nil && errs[3] == nil {
		_, errs[4] = meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
			for _, t := range tallies() {
				switch t.kind {
				case send, forward:
					t.observe(o, sent.Inst())
				case process:
					t.observe(o, consumed.Inst())
				case settle: // no metric of the conventions counts these
				}
			}
			return nil
		}, sent.Inst(), consumed.Inst())
	}
	return i, errors.Join(errs[:]...)
}

// Sent records that a message was sent in so many seconds. errorType is empty
// where it went well.
func (i *Instrumentation) Sent(ctx context.Context, s *Series, seconds float64, errorType string) {
	i.operation.Inst().Record(ctx, seconds, s.duration(errorType)...)
	s.tally.add(1, errorType)
}

// Processed records that n messages were processed in so many seconds.
func (i *Instrumentation) Processed(ctx context.Context, s *Series, n int, seconds float64, errorType string) {
	i.process.Inst().Record(ctx, seconds, s.duration(errorType)...)
	s.tally.add(int64(n), errorType)
}

// Settled records that a message was settled in so many seconds.
func (i *Instrumentation) Settled(ctx context.Context, s *Series, seconds float64, errorType string) {
	i.operation.Inst().Record(ctx, seconds, s.duration(errorType)...)
}
