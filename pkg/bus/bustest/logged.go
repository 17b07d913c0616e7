package bustest

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/pkg/bus"
)

// The kinds of record, by short names.
const (
	events  = bus.RecordEvent
	retries = bus.RecordRetry
	dead    = bus.RecordDead
	direct  = bus.RecordDirect
)

var errEnough = errors.New("enough")

// log reads the log from its beginning until enough of the records of the given
// kinds (all, if none is given) are there, and returns those.
func (s *stage) log(enough func([]bus.LogRecord) bool, kinds ...bus.RecordKind) []bus.LogRecord {
	s.Helper()
	var all []bus.LogRecord
	ctx := s.patience()
	err := s.transport().Tail(ctx, bus.First(), func(r bus.LogRecord) error {
		if len(kinds) == 0 || slices.Contains(kinds, r.Kind) {
			all = append(all, r)
		}
		if enough(all) {
			return errEnough
		}
		return nil
	})
	if err == nil {
		require.FailNow(s, "waited in vain for records in the log", "it has %v", recordIDs(all))
	}
	require.ErrorIs(s, err, errEnough, "Tail returns the error of the function that it calls")
	return all
}

// logUntil reads the log up to the event with the given id.
func (s *stage) logUntil(id string, kinds ...bus.RecordKind) []bus.LogRecord {
	s.Helper()
	return s.log(func(all []bus.LogRecord) bool {
		return len(all) > 0 && all[len(all)-1].Event.ID == id
	}, kinds...)
}

func recordIDs(records []bus.LogRecord) []string {
	all := make([]string, len(records))
	for i, r := range records {
		all[i] = r.Event.ID
	}
	return all
}

// tailing is a reader of the log in the background.
type tailing struct {
	s       *stage
	records chan bus.LogRecord
	ended   chan error
	cancel  context.CancelFunc
}

// tail reads the log from a position on until the test stops it or ends.
func (s *stage) tail(t bus.Transport, from bus.Position) *tailing {
	ctx, cancel := context.WithCancel(context.Background())
	r := &tailing{s: s, records: make(chan bus.LogRecord, 1<<16), ended: make(chan error, 1), cancel: cancel}
	go func() {
		r.ended <- t.Tail(ctx, from, func(record bus.LogRecord) error {
			r.records <- record // more than any test publishes
			return nil
		})
	}()
	s.Cleanup(cancel)
	return r
}

// next returns the next record of the given kinds.
func (r *tailing) next(kinds ...bus.RecordKind) bus.LogRecord {
	r.s.Helper()
	for {
		if record := receive(r.s, r.records, "record in the log"); slices.Contains(kinds, record.Kind) {
			return record
		}
	}
}

// stop ends reading, and returns what Tail returns.
func (r *tailing) stop() error {
	r.s.Helper()
	r.cancel()
	return receive(r.s, r.ended, "end of Tail")
}

// parked returns the parked messages of the service "payment", as soon as there
// are n.
func (s *stage) parked(n int) []bus.Message {
	s.Helper()
	var all []bus.Message
	s.eventually(func() bool {
		all = s.broker.Parked(s, "payment")
		return len(all) >= n
	}, "%d parked messages", n)
	require.Len(s, all, n, "parked messages")
	return all
}

// delay requires that at least the given time lies between two calls. RabbitMQ
// counts whole milliseconds, so one may be missing at either end.
func (s *stage) delay(level time.Duration, from, to call) {
	s.Helper()
	require.GreaterOrEqual(s, to.at.Sub(from.at), level-2*time.Millisecond, "delay before attempt %d", to.attempt)
}
