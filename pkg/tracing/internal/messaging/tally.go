package messaging

import (
	"slices"
	"sync"
	"sync/atomic"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
)

// tally counts the messages of a series. The counters of the conventions are
// read from it when metrics are collected: adding to an instrument with every
// message costs a tenth of what its spans do.
type tally struct {
	kind      opKind
	attrs     []attribute.KeyValue
	succeeded atomic.Int64
	success   metric.ObserveOption

	mu     sync.Mutex
	failed map[string]*failures // by error.type
}

type failures struct {
	n    int64
	with metric.ObserveOption
}

func newTally(kind opKind, attrs []attribute.KeyValue) *tally {
	return &tally{kind: kind, attrs: attrs, success: metric.WithAttributeSet(attribute.NewSet(attrs...))}
}

// add counts n messages that ended with the given error.type, or well where
// that is empty.
func (t *tally) add(n int64, errorType string) {
	if errorType == "" {
		t.succeeded.Add(n)
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	f, ok := t.failed[errorType]
	if !ok {
		attrs := slices.Concat(t.attrs, []attribute.KeyValue{semconv.ErrorTypeKey.String(errorType)})
		f = &failures{with: metric.WithAttributeSet(attribute.NewSet(attrs...))}
		if t.failed == nil {
			t.failed = make(map[string]*failures)
		}
		t.failed[errorType] = f
	}
	f.n += n
}

// observe reports what was counted, of what happened at all.
func (t *tally) observe(o metric.Observer, counter metric.Int64Observable) {
	if n := t.succeeded.Load(); n > 0 {
		o.ObserveInt64(counter, n, t.success)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, f := range t.failed {
		o.ObserveInt64(counter, f.n, f.with)
	}
}
