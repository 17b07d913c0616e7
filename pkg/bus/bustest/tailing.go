package bustest

import (
	"errors"
	"fmt"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
)

// testLogPositions: the log is read from its first record, from the next one, or
// from an offset on; offsets grow.
func testLogPositions(s *stage) {
	const n = 40
	publisher := s.publisher()
	var sent []string
	for range n {
		e := made("order.placed")
		sent = append(sent, e.ID)
		s.publish(publisher, e)
	}
	all := s.logUntil(sent[n-1], events)
	require.Equal(s, sent, recordIDs(all))
	for i := 1; i < n; i++ {
		require.Greater(s, all[i].Offset, all[i-1].Offset)
	}

	middle := s.tail(s.transport(), bus.Offset(all[n/2].Offset))
	for i := n / 2; i < n; i++ {
		r := middle.next(events)
		require.Equal(s, sent[i], r.Event.ID, "from an offset on, that one included")
		require.Equal(s, all[i].Offset, r.Offset, "an offset is the same for every reader")
	}
	require.NoError(s, middle.stop(), "a Tail whose context ends")

	next := s.tail(s.transport(), bus.Next())
	var r bus.LogRecord
	s.eventually(func() bool { // when "next" begins is the reader's business: publish until it sees one
		s.publish(publisher, made("order.placed"))
		select {
		case r = <-next.records:
			return true
		default:
			return false
		}
	}, "a record that was added after the reader came")
	require.Greater(s, r.Offset, all[n-1].Offset, "nothing from before")
}

// testLogReaders: several readers see the same records, and one that is slow or
// fails disturbs no other.
func testLogReaders(s *stage) {
	const n = 60
	shared := s.transport()
	first, second := s.tail(shared, bus.First()), s.tail(shared, bus.First())
	publisher := s.publisher()
	broken := errors.New("reader broke")
	failed := make(chan error, 1)
	go func() {
		failed <- shared.Tail(s.patience(), bus.First(), func(r bus.LogRecord) error {
			return fmt.Errorf("at offset %d: %w", r.Offset, broken)
		})
	}()
	for range n {
		s.publish(publisher, made("order.placed"))
	}
	require.ErrorIs(s, receive(s, failed, "end of the broken reader"), broken)
	for range n {
		a, b := first.next(events), second.next(events)
		require.Equal(s, a.Offset, b.Offset)
		require.Equal(s, a.Event.ID, b.Event.ID)
	}
}

// testLogKinds: the log has each event and each copy that was retried or
// parked, told apart by kind, with what went wrong.
func testLogKinds(s *stage) {
	got := s.record()
	s.serve(bus.Config{Service: "payment", MaxAttempts: 2}, got.failing(func(call) error {
		return errors.New("card\nreader on fire")
	}), "order.placed")
	publisher, _ := s.newBus(bus.Config{Service: "order", Hooks: []bus.Hook{stamp{}}})
	e := complete()
	s.publish(publisher, e)
	s.parked(1)

	all := s.log(func(all []bus.LogRecord) bool { return len(all) >= 3 }, events, retries, dead)
	require.Equal(s, []bus.RecordKind{events, retries, dead}, []bus.RecordKind{all[0].Kind, all[1].Kind, all[2].Kind})
	for _, r := range all {
		s.sameEvent(e, r.Event, r.Kind.String()+" record")
		require.Equal(s, traceparent, r.Headers["traceparent"], "%v record", r.Kind)
		require.NoError(s, r.Malformed)
	}
	require.Empty(s, all[0].Service)
	require.Empty(s, all[0].Error)
	require.Equal(s, "payment", all[1].Service)
	require.Equal(s, 2, all[1].Attempt, "a retried copy is for the next attempt")
	require.Equal(s, "card reader on fire", all[1].Error)
	require.Equal(s, "payment", all[2].Service)
	require.Equal(s, 2, all[2].Attempt, "a parked copy names the last attempt")
	require.Contains(s, all[2].Error, "card reader on fire")
}

// testLogDirect: what is put into the log only is there as it was written, and
// no service receives it.
func testLogDirect(s *stage) {
	got := s.record()
	s.serve(bus.Config{Service: "audit", Concurrency: 1}, got.handle, "#")
	e := complete()
	e.Type = "laban.pulse"
	require.NoError(s, s.transport().SendToLog(s.patience(), &bus.Message{Event: e, RoutingKey: e.Type, Headers: plainHeaders()}))
	publisher := s.publisher()
	last := made(fence)
	s.publish(publisher, last)
	require.Equal(s, []string{last.ID}, ids(got.until(last.ID)))
	require.Empty(s, s.broker.Unrouted(s))

	for _, r := range s.logUntil(last.ID) {
		if r.Event.Type != e.Type {
			continue
		}
		require.Equal(s, direct, r.Kind)
		s.sameEvent(e, r.Event, "direct record")
		for name, value := range plainHeaders() {
			require.Equal(s, value, r.Headers[name], "header %s", name)
		}
		require.Empty(s, r.Service)
		return
	}
	require.Fail(s, "the record is not in the log")
}

// testLogMalformed: a record that is no event is still a record.
func testLogMalformed(s *stage) {
	publisher := s.publisher() // who opens a transport first declares the exchange
	s.broker.PublishRaw(s, event.Binary{RoutingKey: "order.placed", Body: []byte("?")})
	last := made("order.placed")
	s.publish(publisher, last)
	all := s.logUntil(last.ID, events)
	require.Len(s, all, 2)
	require.ErrorIs(s, all[0].Malformed, event.ErrMalformed)
	require.Equal(s, "order.placed", all[0].RoutingKey)
	require.Equal(s, []byte("?"), all[0].Event.Data)
	require.NoError(s, all[1].Malformed)
}

// testLogResumes: a reader whose connection is cut goes on after the last record
// that it has seen.
func testLogResumes(s *stage) {
	const n = 300
	reader := s.tail(s.transport(), bus.First())
	publisher := s.publisher()
	for i := range n {
		s.publish(publisher, made("order.placed"))
		if i%100 == 50 {
			reader.next(events)
			s.broker.CutConnections(s)
		}
	}
	last := made("order.placed")
	s.publish(publisher, last)
	want := s.logUntil(last.ID) // of a reader that was not disturbed
	require.GreaterOrEqual(s, len(want), n+1)
	seen := reader.sofar(last.ID)
	for i, r := range want[len(want)-len(seen):] {
		require.Equal(s, r.Offset, seen[i].Offset, "every record once, in order")
		require.Equal(s, r.Event.ID, seen[i].Event.ID)
	}
	require.GreaterOrEqual(s, len(seen), n-3)
}

// sofar returns the records up to the event with the given id.
func (r *tailing) sofar(id string) []bus.LogRecord {
	r.s.Helper()
	var all []bus.LogRecord
	for len(all) == 0 || all[len(all)-1].Event.ID != id {
		all = append(all, receive(r.s, r.records, "record in the log"))
	}
	return all
}
