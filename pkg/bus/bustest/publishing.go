package bustest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
)

func isAny(err error, targets ...error) bool {
	for _, t := range targets {
		if errors.Is(err, t) {
			return true
		}
	}
	return false
}

// testRefused: what can't travel is refused with an error that says so, and
// nothing of it is in the log.
func testRefused(s *stage) {
	publisher, t := s.newBus(bus.Config{Service: "order", Emits: []string{"order.placed", fence}, MaxDataBytes: 1000})
	ctx := s.patience()
	with := func(change func(*event.Event)) event.Event {
		e := made("order.placed")
		change(&e)
		return e
	}
	refused := []struct {
		e   event.Event
		err error
	}{
		{made("order.plaecd"), bus.ErrUndeclared},
		{with(func(e *event.Event) { e.Data = make([]byte, 1001) }), bus.ErrTooLarge},
		{with(func(e *event.Event) { e.Subject = "nul \x00" }), event.ErrInvalid},
		{with(func(e *event.Event) { e.ID = strings.Repeat("x", 256) }), event.ErrInvalid},
		{with(func(e *event.Event) { e.Extensions = map[string]string{"Upper": "x"} }), event.ErrInvalid},
		{with(func(e *event.Event) { e.FlowID = "without a name" }), event.ErrInvalid},
		{event.New("order.placed", func() {}), event.ErrInvalid},
	}
	for _, r := range refused {
		require.ErrorIs(s, publisher.Publish(ctx, r.e), r.err)
	}
	// A transport is strict, too: an outbox hands it messages of its own.
	bad := with(func(e *event.Event) { e.Source = "" })
	require.ErrorIs(s, s.send(t, &bus.Message{Event: bad, RoutingKey: bad.Type}), event.ErrInvalid)
	require.ErrorIs(s, t.SendToLog(ctx, &bus.Message{Event: bad, RoutingKey: bad.Type}), event.ErrInvalid)
	heavy := complete()
	headers := map[string]string{"x": strings.Repeat("x", 200_000)} // more than a frame
	require.ErrorIs(s, s.send(t, &bus.Message{Event: heavy, RoutingKey: heavy.Type, Headers: headers}), bus.ErrTooLarge)
	long := map[string]string{strings.Repeat("x", 256): "x"} // a header's name is a short string
	require.ErrorIs(s, s.send(t, &bus.Message{Event: heavy, RoutingKey: heavy.Type, Headers: long}), event.ErrInvalid)

	last := made(fence)
	s.publish(publisher, last) // the connection has survived all that
	require.Equal(s, []string{last.ID}, recordIDs(s.logUntil(last.ID, events)))
}

// send sends m and returns what done is called with.
func (s *stage) send(t bus.Transport, m *bus.Message) error {
	s.Helper()
	done := make(chan error, 2)
	t.Send(s.patience(), m, func(err error) { done <- err })
	return receive(s, done, "answer to Send")
}

// testDoneOnce: whatever becomes of a message, its sender hears of it exactly
// once, also when the transport is closed meanwhile.
func testDoneOnce(s *stage) {
	const callers, each = 8, 60
	publisher, t := s.newBus(bus.Config{Service: "order"})
	ctx := s.patience()
	var calls [callers * each]atomic.Int32
	var errs [callers * each]error
	var answered, started, asking sync.WaitGroup
	answered.Add(len(calls))
	started.Add(callers)
	closed := make(chan struct{})
	sent := make([]event.Event, len(calls))
	for i := range callers {
		asking.Go(func() {
			for n := range each {
				switch n {
				case each / 4: // the next ones may meet the transport as it closes
					started.Done()
				case each / 2:
					<-closed
				}
				k := i*each + n
				sent[k] = made("order.placed")
				publisher.PublishAsync(ctx, sent[k], func(err error) {
					if calls[k].Add(1) == 1 {
						errs[k] = err
						answered.Done()
					}
				})
			}
		})
	}
	started.Wait()
	err := t.Close(ctx)
	close(closed)
	require.NoError(s, err)
	asking.Wait()
	all := make(chan struct{})
	go func() {
		answered.Wait()
		close(all)
	}()
	receive(s, all, "an answer to every message")
	for k := range calls {
		require.EqualValues(s, 1, calls[k].Load(), "answers to one message")
	}

	last := made(fence)
	s.publish(s.publisher(), last)
	inLog := map[string]bool{}
	for _, r := range s.logUntil(last.ID, events) {
		inLog[r.Event.ID] = true
	}
	for k := range calls {
		if errs[k] == nil {
			require.Less(s, k%each, each/2, "nothing is confirmed after closing")
			require.True(s, inLog[sent[k].ID], "a confirmed event is in the log")
		} else {
			require.ErrorIs(s, errs[k], bus.ErrClosed)
		}
	}
}

// testEndedContext: a publish in a context that has ended returns at once with
// an error.
func testEndedContext(s *stage) {
	publisher, t := s.newBus(bus.Config{Service: "order"})
	s.publish(publisher, made("order.placed"))
	for name, end := range map[string]func() (context.Context, context.CancelFunc){
		"canceled": func() (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			return ctx, cancel
		},
		"expired": func() (context.Context, context.CancelFunc) {
			return context.WithDeadline(context.Background(), time.Now().Add(-time.Second))
		},
	} {
		ctx, cancel := end()
		done := make(chan error, 1)
		go func() { done <- publisher.Publish(ctx, made("order.placed")) }()
		require.Error(s, receive(s, done, name+": answer to a publish"), name)
		e := complete()
		require.Error(s, t.SendToLog(ctx, &bus.Message{Event: e, RoutingKey: e.Type}), name)
		cancel()
	}
	s.publish(publisher, made("order.placed"))
}

// testRelay: a message that was prepared and stored is published later, as it
// was then.
func testRelay(s *stage) {
	got := s.record()
	s.serve(bus.Config{Service: "payment"}, got.handle, "order.placed")
	publisher := s.publisher()
	ctx, flow := publisher.StartFlow(s.patience(), "order", "1042")
	m, err := publisher.Prepare(ctx, event.New("order.placed", map[string]int{"amount": 4900}))
	require.NoError(s, err)
	m.SetHeader("traceparent", traceparent)
	stored := &bus.Message{Event: m.Event.Clone(), Headers: map[string]string{"traceparent": traceparent}}
	for range 2 { // a relay that does not know whether it has, does it again
		done := make(chan error, 1)
		publisher.Relay(context.Background(), stored, func(err error) { done <- err })
		require.NoError(s, receive(s, done, "answer to Relay"))
	}
	for _, c := range got.wait(2) {
		want := m.Event
		want.Time = want.Time.Round(0)
		s.sameEvent(want, c.Event, "relayed event")
		require.Equal(s, flow.ID, c.FlowID)
		require.Equal(s, traceparent, c.headers["traceparent"])
	}
}

// testManyTypes: routing works for any number of types, as a foreign system may
// have.
func testManyTypes(s *stage) {
	const n = 300
	got := s.record()
	s.serve(bus.Config{Service: "audit", Concurrency: 1}, got.handle, "shop.#")
	publisher := s.publisher()
	ctx := s.patience()
	var sent []string
	results := make(chan error, n)
	for i := range n {
		e := made(fmt.Sprintf("shop.type-%d.happened", i)).WithSubject("1042")
		sent = append(sent, e.ID)
		publisher.PublishAsync(ctx, e, func(err error) { results <- err })
	}
	for range n {
		require.NoError(s, receive(s, results, "confirm"))
	}
	require.Equal(s, sent, ids(got.wait(n)))
}
