package flow

import "math/bits"

// table finds flows by a hash, by linear probing. Where a flow is looked for
// first follows from the high bits of its hash, so that a table grows by going
// through memory in order, and by half, so that little of it is empty.
type table struct {
	slots []slot
	used  int
}

type slot struct {
	hash uint64
	f    *instance // nil where there is none
}

// home is where a flow with this hash is looked for first.
func (t *table) home(hash uint64) int {
	high, _ := bits.Mul64(hash, uint64(len(t.slots)))
	return int(high) //nolint:gosec // it is less than the length
}

// after returns the place after i.
func (t *table) after(i int) int {
	if i++; i < len(t.slots) {
		return i
	}
	return 0
}

// distance is how many places it is from one to another.
func (t *table) distance(from, to int) int {
	if from <= to {
		return to - from
	}
	return to - from + len(t.slots)
}

func (t *table) put(hash uint64, f *instance) {
	if (t.used+1)*5 > len(t.slots)*4 {
		t.grow()
	}
	t.used++
	t.place(slot{hash: hash, f: f})
}

func (t *table) place(s slot) {
	i := t.home(s.hash)
	for t.slots[i].f != nil {
		i = t.after(i)
	}
	t.slots[i] = s
}

func (t *table) grow() {
	old := t.slots
	t.slots = make([]slot, max(16, len(old)+len(old)/2))
	for _, s := range old {
		if s.f != nil {
			t.place(s)
		}
	}
}

// replace puts f in the place of another flow that has the same hash.
func (t *table) replace(hash uint64, other, f *instance) {
	t.slots[t.find(hash, other)].f = f
}

// find returns where f is, which is in the table.
func (t *table) find(hash uint64, f *instance) int {
	i := t.home(hash)
	for t.slots[i].f != f {
		i = t.after(i)
	}
	return i
}

// remove removes f, which is in the table, and moves up those that it kept from
// their homes.
func (t *table) remove(hash uint64, f *instance) {
	t.used--
	free := t.find(hash, f)
	for next := t.after(free); t.slots[next].f != nil; next = t.after(next) {
		if t.distance(t.home(t.slots[next].hash), next) >= t.distance(free, next) {
			t.slots[free] = t.slots[next]
			free = next
		}
	}
	t.slots[free] = slot{}
}
