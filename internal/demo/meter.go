package demo

import "time"

// meter tells how fast a count grows, over the last few seconds.
type meter struct{ samples []sample }

type sample struct {
	at time.Time
	n  int
}

// window is how far back a meter looks.
const window = 5 * time.Second

// rate notes the count now, and returns its growth in a second.
func (m *meter) rate(now time.Time, n int) float64 {
	m.samples = append(m.samples, sample{now, n})
	for len(m.samples) > 2 && now.Sub(m.samples[1].at) >= window {
		m.samples = m.samples[1:]
	}
	first := m.samples[0]
	if passed := now.Sub(first.at); passed > 0 {
		return float64(n-first.n) / passed.Seconds()
	}
	return 0
}
