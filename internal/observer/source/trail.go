package source

import "slices"

// Mark is a record that was read: where it was, and its fingerprint.
type Mark struct {
	Offset      uint64 `json:"offset"`
	Fingerprint []byte `json:"fingerprint"`
}

// Trail are some of the records that were read of a log, in the order of their
// offsets: of the last ones many, of those before fewer the longer ago they were.
// A log that lost its end still has the older ones of them, another log none.
type Trail []Mark

const (
	// trailLast is how many of the last marks stay, and trailMost how many there
	// are before those that lie too close together are left out.
	trailLast = 16
	trailMost = 48
)

// Add returns the trail with a record more. It may write into the old one. A
// record that does not come after all others is left out.
func (t Trail) Add(offset uint64, fingerprint []byte) Trail {
	if n := len(t); n > 0 && t[n-1].Offset >= offset {
		return t
	}
	t = append(t, Mark{Offset: offset, Fingerprint: fingerprint})
	if len(t) <= trailMost {
		return t
	}
	thin := make(Trail, 0, trailMost+1)
	thin = append(thin, t[0])
	rest := t[1 : len(t)-trailLast]
	for i := range rest {
		// From one to the next at most so much of the way to the end is left out.
		if far := offset - thin[len(thin)-1].Offset; offset-rest[i].Offset <= far/2 {
			thin = append(thin, rest[i])
		}
	}
	return append(thin, t[len(t)-trailLast:]...)
}

// Before returns a copy of what the trail has before an offset.
func (t Trail) Before(offset uint64) Trail {
	n, _ := slices.BinarySearchFunc(t, offset, func(m Mark, offset uint64) int {
		switch {
		case m.Offset < offset:
			return -1
		case m.Offset > offset:
			return 1
		}
		return 0
	})
	return slices.Clone(t[:n])
}
