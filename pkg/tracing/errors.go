package tracing

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/laban-io/laban/pkg/tracing/internal/messaging"
)

// signal is what an error of telemetry kept from being delivered.
type signal int

const (
	signalTraces signal = iota
	signalLogs
	signalSDK // anything that OpenTelemetry reports by itself
	signals   // how many there are
)

func (s signal) String() string { return [...]string{"traces", "logs", "sdk"}[s] }

// errorLogInterval is the least time between two log lines about telemetry.
const errorLogInterval = 30 * time.Second

// errorLog counts errors of telemetry and logs some of them: a collector that
// is down must not fill the log.
type errorLog struct {
	logger *slog.Logger
	counts [signals]atomic.Int64

	mu     sync.Mutex
	next   time.Time // no log line before it
	unsaid int64
}

// report counts err and perhaps logs it. It may be called from anywhere.
func (l *errorLog) report(s signal, err error) {
	if err == nil {
		return
	}
	l.counts[s].Add(1)
	unsaid, ok := l.turn(time.Now())
	if !ok {
		return
	}
	l.logger.WarnContext(context.Background(),
		"telemetry could not be delivered; the service goes on without it. Check OTEL_EXPORTER_OTLP_ENDPOINT and the collector",
		"signal", s.String(), "error", messaging.Describe(err), "errors_not_logged_before", unsaid)
}

// turn tells whether a line may be logged now, and how many errors were not
// since the last one.
func (l *errorLog) turn(now time.Time) (unsaid int64, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now.Before(l.next) {
		l.unsaid++
		return 0, false
	}
	unsaid, l.unsaid = l.unsaid, 0
	l.next = now.Add(errorLogInterval)
	return unsaid, true
}

// Handle reports an error of OpenTelemetry itself; see [otel.ErrorHandler].
func (l *errorLog) Handle(err error) { l.report(signalSDK, err) }
