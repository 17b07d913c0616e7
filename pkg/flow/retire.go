package flow

import "slices"

// retire makes a flow a tombstone: it takes no more part in anything until
// another event comes for it.
func (t *Tracker) retire(f *instance) {
	t.lift(f)
	t.noteStalled(f)
	f.retired = t.now
	t.tallyOpen(f)
	t.live--
	f.line.counts[f.status]--
	f.clip()
	t.retiring = append(t.retiring, f)
	t.touch(f)
}

// buryRetiring puts those that retired at this pulse among the tombstones.
func (t *Tracker) buryRetiring() {
	slices.SortFunc(t.retiring, byAge)
	for i, f := range t.retiring {
		t.retired.put(f, f.retired)
		t.retiring[i] = nil
	}
	t.retiring = t.retiring[:0]
}

// unretire takes a flow up again, for another event.
func (t *Tracker) unretire(f *instance) {
	if f.retired == 0 {
		return
	}
	f.retired = 0
	t.retired.live--
	t.live++
	f.line.counts[f.status]++
}

// forgetOld forgets the tombstones that are too old or too many.
func (t *Tracker) forgetOld() {
	for f := t.retired.front(); f != nil; f = t.retired.front() {
		if t.retired.live <= t.cfg.MaxTombstones && f.retired+int64(t.cfg.Tombstones) >= t.now {
			return
		}
		t.retired.drop()
		t.retired.live--
		t.forget(f)
	}
}

func (t *Tracker) forget(f *instance) {
	t.touch(f)
	f.flags |= flagGone
	f.line.flows.remove(f)
	if f.is(flagOwner) {
		f.line.keys.remove(f)
	}
	t.say(f, Forgotten)
}
