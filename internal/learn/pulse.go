package learn

import "time"

// pulsesApart is how far apart two pulses may be for what came between them to
// be dated by them.
const pulsesApart = time.Second

// maxPending is how many events between two pulses are dated.
const maxPending = 10_000

// pulses dates events by the pulses around them.
type pulses struct {
	last    int64
	pending []dated
}

// dated is an event that waits for the next pulse.
type dated struct {
	flow  *run
	event int
}

// Pulse says that the log has a pulse of an observer here: log time is t. It
// dates the events since the pulse before, unless that is long ago, and tells
// that the log went on until then.
func (l *Log) Pulse(t time.Time) {
	now := nanos(t)
	if last := l.pulses.last; last != 0 && now >= last && now-last <= int64(pulsesApart) {
		for _, p := range l.pulses.pending {
			if e := &p.flow.events[p.event]; e.log == 0 {
				e.log = last + (now-last)/2
			}
		}
	}
	l.pulses.last, l.pulses.pending = max(now, l.pulses.last), l.pulses.pending[:0]
	l.EndedAt(t)
}

func (p *pulses) wait(f *run) {
	if p.last != 0 && len(p.pending) < maxPending {
		p.pending = append(p.pending, dated{f, len(f.events) - 1})
	}
}
