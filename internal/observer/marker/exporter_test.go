package marker_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/laban-io/laban/internal/ledger"
	"github.com/laban-io/laban/internal/observer/marker"
)

// shelf is a ledger's markers.
type shelf struct {
	mu       sync.Mutex
	markers  []ledger.Marker
	exported []int64
	looks    int
	refuse   error // of MarkExported
}

func (s *shelf) add(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for range n {
		tr := transitions()["started"]
		tr.Offset = uint64(len(s.markers) + 1)
		m, _ := marker.From(&tr)
		m.ID = int64(tr.Offset)
		s.markers = append(s.markers, m)
	}
}

func (s *shelf) PendingMarkers(ctx context.Context, limit int) ([]ledger.Marker, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.looks++
	var pending []ledger.Marker
	for _, m := range s.markers {
		if !slices.Contains(s.exported, m.ID) && len(pending) < limit {
			pending = append(pending, m)
		}
	}
	return pending, ctx.Err()
}

func (s *shelf) MarkExported(_ context.Context, _ time.Time, ids ...int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refuse != nil {
		return s.refuse
	}
	s.exported = append(s.exported, ids...)
	return nil
}

func (s *shelf) done() []int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.exported)
}

// collector takes spans, and answers as told.
type collector struct {
	mu     sync.Mutex
	answer func(offsets []int64) error
	// got has the log offsets of the spans of each request.
	got [][]int64
	raw [][]byte
}

func (c *collector) Stop(context.Context) error { return nil }

func (c *collector) UploadTraces(_ context.Context, spans []*tracepb.ResourceSpans) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var offsets []int64
	for _, r := range spans {
		raw, err := proto.Marshal(r)
		if err != nil {
			return err
		}
		c.raw = append(c.raw, raw)
		for _, a := range r.GetScopeSpans()[0].GetSpans()[0].GetAttributes() {
			if a.GetKey() == "laban.log.offset" {
				offsets = append(offsets, a.GetValue().GetIntValue())
			}
		}
	}
	c.got = append(c.got, offsets)
	if c.answer == nil {
		return nil
	}
	return c.answer(offsets)
}

func (c *collector) requests() [][]int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.got)
}

// run runs an exporter in a bubble of its own until the test ends.
func run(t *testing.T, cfg marker.Config) *marker.Exporter {
	t.Helper()
	e := marker.New(cfg)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-ended)
	})
	return e
}

// upTo returns the numbers from one to another.
func upTo(from, to int64) []int64 {
	var ids []int64
	for id := from; id <= to; id++ {
		ids = append(ids, id)
	}
	return ids
}

func TestMarkersAreSentInOrderAndInTheirBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := &shelf{}, &collector{}
		s.add(600)
		e := run(t, marker.Config{Pending: s, Client: c})
		synctest.Wait()
		require.Equal(t, upTo(1, 600), s.done())
		require.Equal(t, upTo(1, 600), slices.Concat(c.requests()...))
		require.Len(t, c.requests(), 3, "in batches")
		for i, raw := range c.raw {
			require.True(t, bytes.Equal(s.markers[i].Data, raw), "byte for byte")
		}
		require.Equal(t, marker.Stats{Exported: 600}, e.Stats())
	})
}

func TestACommitWakesTheExporter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := &shelf{}, &collector{}
		e := run(t, marker.Config{Pending: s, Client: c, Poll: time.Hour})
		synctest.Wait()
		s.add(1)
		began := time.Now()
		e.Wake()
		e.Wake()
		synctest.Wait()
		require.Equal(t, []int64{1}, s.done())
		require.Zero(t, time.Since(began))
	})
}

func TestMarkersWaitForACollectorThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := &shelf{}, &collector{}
		var log bytes.Buffer
		down := errors.New("connection refused by http://u:s3cret@collector")
		c.answer = func([]int64) error { return down }
		s.add(3)
		e := run(t, marker.Config{Pending: s, Client: c, Logger: slog.New(slog.NewTextHandler(&log, nil))})
		time.Sleep(10 * time.Minute) //nolint:forbidigo // the bubble's clock
		synctest.Wait()
		require.Empty(t, s.done())
		attempts := len(c.requests())
		require.Greater(t, attempts, 10)
		require.Less(t, attempts, 60, "it backs off")
		require.Equal(t, marker.Stats{Backlog: 3, Failures: uint64(attempts)}, e.Stats())
		require.Equal(t, 1, bytes.Count(log.Bytes(), []byte("level=WARN")), "said once: %s", &log)
		require.NotContains(t, log.String(), "s3cret")
		c.mu.Lock()
		c.answer = nil
		c.mu.Unlock()
		time.Sleep(time.Minute) //nolint:forbidigo // the bubble's clock
		synctest.Wait()
		require.Equal(t, upTo(1, 3), s.done())
		require.Contains(t, log.String(), "exported again")
	})
}

func TestOneRefusedMarkerHoldsUpNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := &shelf{}, &collector{}
		c.answer = func(offsets []int64) error {
			if slices.Contains(offsets, 5) {
				return errors.New("failed to send to http://collector/v1/traces: 400 Bad Request (body: no)")
			}
			return nil
		}
		s.add(9)
		e := run(t, marker.Config{Pending: s, Client: c})
		synctest.Wait()
		require.Equal(t, upTo(1, 9), s.done(), "the refused one is done with, too")
		require.Equal(t, marker.Stats{Exported: 8, Rejected: 1}, e.Stats())
		var taken []int64
		for _, request := range c.requests() {
			if !slices.Contains(request, 5) {
				taken = append(taken, request...)
			}
		}
		require.Equal(t, []int64{1, 2, 3, 4, 6, 7, 8, 9}, taken, "in order, and once")
	})
}

func TestDamagedMarkersHoldUpNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := &shelf{}, &collector{}
		s.add(3)
		s.markers[1].Data = []byte("\xff\xff\xff")
		e := run(t, marker.Config{Pending: s, Client: c})
		synctest.Wait()
		require.Equal(t, upTo(1, 3), s.done())
		require.Equal(t, []int64{1, 3}, slices.Concat(c.requests()...))
		require.Equal(t, marker.Stats{Exported: 2, Rejected: 1}, e.Stats())
	})
}

func TestWhatCanNotBeNotedIsSentAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := &shelf{refuse: errors.New("disk full")}, &collector{}
		s.add(2)
		run(t, marker.Config{Pending: s, Client: c})
		synctest.Wait()
		s.mu.Lock()
		s.refuse = nil
		s.mu.Unlock()
		time.Sleep(time.Second) //nolint:forbidigo // the bubble's clock
		synctest.Wait()
		require.Equal(t, upTo(1, 2), s.done())
		require.Equal(t, [][]int64{{1, 2}, {1, 2}}, c.requests())
		require.Equal(t, c.raw[:2], c.raw[2:], "the same bytes")
	})
}

func TestWithoutACollectorMarkersAreDoneWith(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{}
		s.add(2500)
		e := run(t, marker.Config{Pending: s})
		synctest.Wait()
		require.Len(t, s.done(), 2500)
		require.Equal(t, marker.Stats{}, e.Stats())
	})
}

// hanging is a collector that never answers.
type hanging struct{}

func (hanging) Stop(context.Context) error { return nil }

func (hanging) UploadTraces(ctx context.Context, _ []*tracepb.ResourceSpans) error {
	<-ctx.Done()
	return ctx.Err()
}
