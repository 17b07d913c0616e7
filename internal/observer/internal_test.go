package observer

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/pkg/flow"
)

func TestRedaction(t *testing.T) {
	r := newRedaction([]string{"/card/number", "/items/*/note", "/a~1b"})
	for body, want := range map[string]string{
		`{"card":{"number":"4111","brand":"x"}}`:              `{"card":{"brand":"x","number":"[redacted]"}}`,
		`{"card":{"number":{"deep":1}}}`:                      `{"card":{"number":"[redacted]"}}`,
		`{"items":[{"note":"n","id":1.50},{"id":2}],"a/b":1}`: `{"a/b":"[redacted]","items":[{"id":1.50,"note":"[redacted]"},{"id":2}]}`,
		`not JSON 4111`:       "",
		`{"card":1} trailing`: "",
		"\xff":                "",
		`{"card":["number"]}`: `{"card":["number"]}`,
	} {
		require.Equal(t, want, r.payload([]byte(body)), body)
	}
	require.Equal(t, "plain", newRedaction(nil).payload([]byte("plain")))
}

func TestTheClockNeverGoesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClock(time.Now)
		first := c.now()
		time.Sleep(time.Second) //nolint:forbidigo // the bubble's time
		require.Equal(t, first.Add(time.Second), c.now())
		// A pulse of another observer was ahead: go on from there.
		c.notBefore(first.Add(time.Hour))
		require.Equal(t, first.Add(time.Hour), c.now())
		c.notBefore(first)
		time.Sleep(time.Second) //nolint:forbidigo // the bubble's time
		require.Equal(t, first.Add(time.Hour+time.Second), c.now())
	})
}

func TestBlindness(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		blocked := ""
		var s sight
		is := func(want BlindReason) {
			t.Helper()
			s.look(time.Now(), false)
			got, _, _, _, _ := s.verdict()
			require.Equal(t, want, got)
		}
		is(NotBlind) // one that does not read is not asked
		s.begin(true)
		s.connected(func() string { return blocked })
		is(NotBlind)

		s.sends()
		s.sent(1)
		time.Sleep(blindAfter + time.Millisecond) //nolint:forbidigo // the bubble's time
		is(Lagging)
		s.read(1)
		is(NotBlind)

		s.sends()
		time.Sleep(blindAfter + time.Millisecond) //nolint:forbidigo // the bubble's time
		is(Unreachable)
		blocked = "low on memory"
		is(BrokerBlocked)
		blocked = ""
		s.read(2) // read before the broker's word comes
		s.sent(2)
		time.Sleep(time.Minute) //nolint:forbidigo // the bubble's time
		is(NotBlind)

		s.disconnected("gone")
		is(NotBlind)           // a moment is nothing
		time.Sleep(blindAfter) //nolint:forbidigo // the bubble's time
		is(Unreachable)
		s.connected(func() string { return blocked })
		is(NotBlind)
	})
}

func TestPulsesTellWhatChanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b queueBook
		seen := []flow.QueueSeen{{Service: "a", Queue: "a", Unacked: -1}, {Service: "b", Queue: "b", Ready: 3, Bindings: []string{"x"}, BindingsKnown: true}}
		b.saw(seen)
		require.Len(t, b.changes(), 2)
		require.Empty(t, b.changes())
		seen[1].Ready = 4
		b.saw(seen)
		require.Len(t, b.changes(), 1)
		time.Sleep(fullEvery) //nolint:forbidigo // the bubble's time
		require.Len(t, b.changes(), 2, "all of them, now and then")
		b.again()
		require.Len(t, b.changes(), 2, "and when the last did not arrive")
	})
}

func TestASlowSubscriberIsToldThatItMissedSomething(t *testing.T) {
	var s subscribers
	slow, _ := s.add(1)
	fast, end := s.add(10)
	s.tell(make([]flow.Transition, 3))
	require.Len(t, fast, 3)
	<-slow
	_, open := <-slow
	require.False(t, open)
	end()
	end()
	s.closeAll()
	late, _ := s.add(1)
	_, open = <-late
	require.False(t, open)
}
