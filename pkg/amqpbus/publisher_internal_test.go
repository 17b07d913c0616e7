package amqpbus

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/pkg/bus"
)

// sent is a publisher with messages in it, and how each of them ended.
type sent struct {
	*publisher
	ends map[string][]error
}

func newSent(t *testing.T, window int, timeout time.Duration, ids ...string) *sent {
	t.Helper()
	s := &sent{publisher: newPublisher(window, timeout), ends: make(map[string][]error)}
	for _, id := range ids {
		s.add(t.Context(), id, 10)
	}
	return s
}

func (s *sent) add(ctx context.Context, id string, size int) {
	s.send(ctx, "events", "a", amqp.Publishing{MessageId: id, Body: make([]byte, size)}, func(err error) {
		s.ends[id] = append(s.ends[id], err)
	})
}

// written lets the writer take n messages.
func (s *sent) written(t *testing.T, n int) {
	t.Helper()
	for range n {
		require.NotNil(t, s.next())
	}
}

// said is what the broker said of a message.
type said bool

func (s said) Acked() bool { return bool(s) }

// answers lets the broker answer to the oldest message that was written.
func (s *sent) answers(t *testing.T, tag uint64, ack bool) {
	t.Helper()
	require.Equal(t, s.firstTag, tag)
	s.taken(s.unconfirmed.at(0), said(ack))
	s.confirmed(amqp.Confirmation{DeliveryTag: tag, Ack: ack})
}

// order returns the ids that wait, oldest first.
func (s *sent) order() []string {
	var ids []string
	for i := range s.waiting.len() {
		ids = append(ids, s.waiting.at(i).msg.MessageId)
	}
	return ids
}

func TestWhatALostSessionLeftIsSentAgainFirstAndInOrder(t *testing.T) {
	s := newSent(t, 10, time.Minute, "1", "2", "3", "4", "5")
	s.written(t, 3)
	s.answers(t, 1, true)
	s.reclaim(bus.ErrSessionLost)
	require.Equal(t, []string{"2", "3", "4", "5"}, s.order())
	require.Equal(t, map[string][]error{"1": {nil}}, s.ends)

	s.written(t, 4)
	for tag := range uint64(4) {
		s.answers(t, tag+1, true)
	}
	require.Len(t, s.ends, 5)
	require.Empty(t, s.slots, "every slot is free again")
}

func TestAMessageBeyondTheBrokersLimitIsEndedAndTheOthersSentAgain(t *testing.T) {
	s := newSent(t, 10, time.Minute, "small")
	s.add(t.Context(), "large", 2000)
	s.written(t, 2)
	s.reclaim(fmt.Errorf("lost: %w", &amqp.Error{Code: amqp.PreconditionFailed, Server: true,
		Reason: "PRECONDITION_FAILED - message size 2000 is larger than configured max size 1000"}))
	require.Equal(t, []string{"small"}, s.order())
	require.Len(t, s.ends["large"], 1)
	require.ErrorIs(t, s.ends["large"][0], bus.ErrTooLarge)
	require.ErrorContains(t, s.ends["large"][0], "limit is 1000")
	require.Len(t, s.slots, 1)
}

func TestAMessageThatClosesTheChannelAgainAndAgainIsEnded(t *testing.T) {
	s := newSent(t, 10, time.Minute, "poison")
	refusal := &amqp.Error{Code: amqp.AccessRefused, Server: true, Reason: "ACCESS_REFUSED"}
	for range maxStrikes {
		require.Empty(t, s.ends)
		s.written(t, 1)
		s.reclaim(lost(refusal))
	}
	require.ErrorIs(t, s.ends["poison"][0], bus.ErrRejected)

	s.add(t.Context(), "innocent", 1)
	for range 5 * maxStrikes { // lost connections are no strikes
		s.written(t, 1)
		s.reclaim(lost(&amqp.Error{Code: amqp.ConnectionForced, Server: true}))
	}
	require.NotContains(t, s.ends, "innocent")
}

func TestAReturnedMessageIsUnroutableOnceItIsConfirmed(t *testing.T) {
	s := newSent(t, 10, time.Minute, "1", "2")
	s.written(t, 2)
	s.returned(amqp.Return{MessageId: "2", Exchange: "events", RoutingKey: "a"})
	require.Empty(t, s.ends)
	s.answers(t, 1, true)
	s.answers(t, 2, true)
	require.NoError(t, s.ends["1"][0])
	require.ErrorIs(t, s.ends["2"][0], bus.ErrUnroutable)
}

func TestARejectedMessageIsSentAgainUntilItsDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSent(t, 10, time.Second, "1")
		rejections := 0
		for tag := uint64(1); len(s.ends) == 0; {
			if s.next() != nil {
				s.answers(t, tag, false)
				tag, rejections = tag+1, rejections+1
			}
			time.Sleep(sweepEvery) //nolint:forbidigo // a bubble's clock
			s.sweep(time.Now())
		}
		require.ErrorIs(t, s.ends["1"][0], bus.ErrRejected)
		require.Greater(t, rejections, 3)
		require.Empty(t, s.slots)
	})
}

// The library lets an acknowledgement of several messages stand for one among
// them that was rejected before.
func TestWhatTheLibrarySaysOfSeveralIsNotBelievedOfOne(t *testing.T) {
	s := newSent(t, 10, time.Minute, "1", "2", "3")
	s.written(t, 3)
	for i, ack := range []said{true, false, true} {
		s.taken(s.unconfirmed.at(i), ack)
	}
	for tag := range uint64(3) {
		s.confirmed(amqp.Confirmation{DeliveryTag: tag + 1, Ack: true})
	}
	require.Equal(t, map[string][]error{"1": {nil}, "3": {nil}}, s.ends)
	require.Len(t, s.putOff, 1, "the second is sent again")
}

func TestAnAnswerMayOvertakeTheReturnOfTheWrite(t *testing.T) {
	s := newSent(t, 10, time.Minute, "1", "2", "3")
	first, second, third := s.next(), s.next(), s.next()
	s.confirmed(amqp.Confirmation{DeliveryTag: 1, Ack: true})
	s.confirmed(amqp.Confirmation{DeliveryTag: 2, Ack: true})
	require.Empty(t, s.ends, "what the broker said is not known yet")
	s.taken(first, said(true))
	require.Equal(t, map[string][]error{"1": {nil}}, s.ends)
	s.taken(second, said(true))
	s.taken(third, said(true))
	require.Equal(t, map[string][]error{"1": {nil}, "2": {nil}}, s.ends)

	s.confirmed(amqp.Confirmation{DeliveryTag: 2, Ack: true}) // twice
	require.Len(t, s.ends, 2)
	s.reclaim(bus.ErrSessionLost)
	require.Equal(t, []string{"3"}, s.order())
	again := s.next()
	s.confirmed(amqp.Confirmation{DeliveryTag: 1, Ack: true})
	require.Len(t, s.ends, 2, "an answer of the session before says nothing of this one")
	s.taken(again, said(true))
	require.Len(t, s.ends, 3)

	s.add(t.Context(), "4", 10)
	s.taken(s.next(), said(true))
	require.Len(t, s.ends, 3, "nor did it answer to what it was sent in this one")
	s.confirmed(amqp.Confirmation{DeliveryTag: 2, Ack: true})
	require.Len(t, s.ends, 4)
	require.Empty(t, s.slots)
}

// What one session says of being blocked, the next one has to say again; the
// broker does so only while it is.
func TestANewSessionIsNotBlockedByTheOneBefore(t *testing.T) {
	s := newSent(t, 10, time.Minute, "1")
	s.setBlocked(true)
	require.ErrorIs(t, s.ready(), bus.ErrBlocked)
	require.Nil(t, s.next())
	s.reclaim(bus.ErrSessionLost)
	require.NoError(t, s.ready())
	require.NotNil(t, s.next())
}

func TestDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSent(t, 10, time.Second, "written", "waiting")
		s.written(t, 1)
		time.Sleep(1001 * time.Millisecond) //nolint:forbidigo // a bubble's clock
		s.sweep(time.Now())
		require.ErrorIs(t, s.ends["written"][0], bus.ErrUnconfirmed, "it may have arrived")
		require.ErrorIs(t, s.ends["waiting"][0], bus.ErrUnreachable, "it was not sent")
		require.ErrorIs(t, s.ends["waiting"][0], context.DeadlineExceeded)
		require.Len(t, s.slots, 1, "an unconfirmed message keeps its slot, so that the window stays a bound")

		s.answers(t, 1, true) // too late
		require.Len(t, s.ends["written"], 1, "done is called once")
		require.Empty(t, s.slots)

		s.setBlocked(true)
		cause := errors.New("the request was cut off")
		ctx, cancel := context.WithCancelCause(t.Context())
		s.add(ctx, "blocked", 1)
		require.Nil(t, s.next(), "nothing is written while the broker blocks publishers")
		cancel(cause)
		s.sweep(time.Now())
		require.ErrorIs(t, s.ends["blocked"][0], bus.ErrBlocked)
		require.ErrorIs(t, s.ends["blocked"][0], cause)
	})
}

func TestAFullWindowHoldsSendersBackUntilTheirDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSent(t, 2, time.Second, "1", "2")
		start := time.Now()
		s.add(t.Context(), "3", 1)
		require.Equal(t, time.Second, time.Since(start))
		require.ErrorIs(t, s.ends["3"][0], bus.ErrUnreachable)
		require.ErrorContains(t, s.ends["3"][0], "window of 2")
	})
}

func TestCloseEndsWhatIsLeft(t *testing.T) {
	s := newSent(t, 10, time.Minute, "written", "waiting")
	s.written(t, 1)
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	require.ErrorContains(t, s.drain(ctx), "2 messages were not confirmed")
	s.add(t.Context(), "late", 1)
	require.ErrorIs(t, s.ends["late"][0], bus.ErrClosed)
	s.close(bus.ErrClosed)
	require.ErrorIs(t, s.ends["written"][0], bus.ErrUnconfirmed)
	require.ErrorIs(t, s.ends["waiting"][0], bus.ErrClosed)
	require.NotErrorIs(t, s.ends["waiting"][0], bus.ErrUnconfirmed)
	require.Empty(t, s.slots)
	require.NoError(t, s.drain(t.Context()), "nothing is left to wait for")
}
