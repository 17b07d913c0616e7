package learn

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestDeadlines(t *testing.T) {
	for p99, want := range map[time.Duration]time.Duration{
		0: time.Second, 300 * time.Millisecond: time.Second, 400 * time.Millisecond: 2 * time.Second, 3 * time.Second: 10 * time.Second,
		time.Minute: 3 * time.Minute, 20 * time.Hour: 3 * 24 * time.Hour, 10_000 * time.Hour: 3650 * 24 * time.Hour,
	} {
		require.Equal(t, want, proposed(p99), "%s", p99)
	}
	require.Equal(t, 99*time.Second, quantile(seconds(100), 0.99))
	require.Zero(t, quantile(nil, 0.99))
}

func seconds(n int) (all []time.Duration) {
	for i := n; i > 0; i-- {
		all = append(all, time.Duration(i)*time.Second)
	}
	return all
}

// twoServices is a log in which b answers a 50 ms later, while its clock is off.
func twoServices(off time.Duration, pulses, received bool) *Log {
	log, at := NewLog(), time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for i := range 40 {
		key := string(rune('A' + i))
		at = at.Add(500 * time.Millisecond)
		if pulses {
			log.Pulse(at)
		}
		made := at.Add(100 * time.Millisecond)
		log.Add(&Record{Type: "a.start", Key: key, ID: "1", Time: made})
		answer := Record{Type: "b.done", Key: key, ID: "2", CausationID: "1", Time: made.Add(50*time.Millisecond + off)}
		if received {
			answer.TriggerTime = made.Add(off)
		}
		log.Add(&answer)
	}
	log.Pulse(at.Add(time.Second))
	log.EndedAt(at.Add(time.Hour))
	return log
}

func TestClocksThatAreOffSpoilNoDeadline(t *testing.T) {
	for name, log := range map[string]*Log{
		"an hour fast, by pulses":        twoServices(time.Hour, true, false),
		"an hour slow, by pulses":        twoServices(-time.Hour, true, false),
		"an hour slow, by what is known": twoServices(-time.Hour, false, true),
		"right":                          twoServices(0, false, false),
	} {
		d, err := log.Draft(Answers{})
		require.NoError(t, err)
		require.Equal(t, 40, d.Reactions[1].Samples, name)
		require.LessOrEqual(t, time.Duration(d.Reactions[1].P99), time.Second, name)
		require.Equal(t, Duration(time.Second), d.Reactions[1].Within, "%s: %s", name, time.Duration(d.Reactions[1].P99))
	}
}
