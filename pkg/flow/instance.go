package flow

import (
	"slices"

	"github.com/cespare/xxhash/v2"
)

// instance is one flow. Times are log times in Unix nanoseconds.
type instance struct {
	// check is by what the index knows it, beside its place.
	check   uint64
	line    *line
	program *program
	// text is the id and, behind it, the key.
	text string

	events      []entry
	obligations []obligation
	// trace is the flow's own trace: that of its start, or of its first event
	// until that comes.
	trace [16]byte
	rare  *rarities

	first, last uint64
	// started, updated and ended are when it started, had its last event, and
	// ended; by [entry.at].
	started, updated, ended int64
	// quiet is the pulse after the last event, from which a dead end is counted;
	// 0 until that pulse comes. born is that of the start, or of the event that
	// opened the flow again, from which abandoning is counted.
	quiet, born int64
	// retired is the pulse at which the flow became a tombstone, or 0.
	retired int64
	// queued is the instance's place in time in the deadlines, or 0.
	queued int64

	deviations, stalls uint32
	idLength           uint32
	flags              flags
	status             Status
	class              uint8 // its choreography.Class

	// The first events and obligations are here.
	ownObligations [ownObligations]obligation
	ownEvents      [ownEvents]entry
}

func (f *instance) id() string  { return f.text[:f.idLength] }
func (f *instance) key() string { return f.text[f.idLength:] }

// flags are what else is known of an instance.
type flags uint16

const (
	flagStarted   flags = 1 << iota // its start was seen
	flagEnded                       // it has an outcome and owes nothing
	flagEndedOnce                   // it had ended at some time
	flagDeadEnd                     // it is overdue at a dead end
	flagOwner                       // an event that has its key and no id is of it
	flagTouched                     // a log gap or a bound touched it
	flagBlurred                     // a log gap came after it had ended
	flagTruncated                   // it has more events than are kept
	flagClosed                      // it was closed
	flagFresh                       // the next pulse has to settle it
	flagDirty                       // it changed since Changed was called
	flagUnclean                     // it was overdue or inconsistent at some time
	flagOverdue                     // it is among the stalled
	flagGone                        // it left the tracker
	flagSettled                     // see [judge.remember]
)

// kept are the flags that a snapshot keeps.
const kept = ^(flagFresh | flagDirty | flagOverdue | flagGone | flagSettled)

func (f *instance) is(g flags) bool { return f.flags&g != 0 }

// rarities is what few flows have.
type rarities struct {
	traces [][16]byte // other than the first
	notes  []note
	reason string // why it was closed
	// delays are the obligations that were overdue at some time.
	delays []delay
	// surplus are the answers that pay nothing.
	surplus []surplus
	// deadEnd is the dead end it is at, or was at last.
	deadEnd deadEnd
}

// delay is what is known of an obligation that was overdue.
type delay struct {
	obligation uint16
	deadline   int64 // the deadline that passed
	found      int64 // the pulse that called it overdue
	why        Finding
	stall      *stall // as what it is counted while it is overdue
}

// surplus is an answer that pays nothing.
type surplus struct {
	event uint16
	// ripe tells that it has had its time to find an explanation.
	ripe bool
	// since is the pulse after it, 0 until that came.
	since int64
}

// deadEnd is a flow's having neither an outcome nor anybody who owes it one.
type deadEnd struct {
	deadline int64
	found    int64  // the pulse that found it, or 0 where there never was one
	last     uint16 // index of the event that was the last
	by       uint16 // index of the event that ended it, from 1
	why      Finding
	stall    *stall // as what it is counted while it lasts
}

func (f *instance) rarely() *rarities {
	if f.rare == nil {
		f.rare = &rarities{}
	}
	return f.rare
}

// entry is an event of a flow.
type entry struct {
	id uint64 // hash of the event's id, 0 where it has none
	// cause is the hash of the causing event's id, 0 where it does not say.
	cause uint64
	span  [8]byte
	at    int64
	typ   typeID
	src   serviceID
	// causeIndex is the place of the causing event, from 1; 0 where it is not
	// known (yet).
	causeIndex uint16
	trace      uint8 // index of its trace, 0 is the flow's own
	flags      entryFlags
}

type entryFlags uint8

const (
	entryPays    entryFlags = 1 << iota // it met an obligation
	entrySurplus                        // nothing explains it
	entryWeighed                        // which is noted in rarities
	entryBlamed                         // and was reported
	entrySampled                        // its trace was sampled
)

// hash returns the identity of an id within a flow. 64 bits are enough to tell
// apart the events of one flow.
func hash(id string) uint64 {
	if id == "" {
		return 0
	}
	return max(xxhash.Sum64String(id), 1)
}

// obligation is a reaction's duty that some event of the flow introduced. An
// obligation is introduced as early as it can be, and dormant until all that
// it takes is there; so the list only grows.
type obligation struct {
	rule    uint16
	trigger uint16 // index of the event that introduced it
	by      uint16 // index of the event that met it, from 1
	state   ObligationState
	flags   obligationFlags
	// owed is the pulse from which it is owed: 0 until it came.
	owed int64
}

type obligationFlags uint8

const (
	owedOverdue obligationFlags = 1 << iota // overdue and not met
	owedDelayed                             // overdue at some time: there is a delay of it
	owedTold                                // that it was paid has been told
	owedTallied                             // it is counted as open
)

// indexOf returns the index of an event with this id and source, or -1.
func (f *instance) indexOf(id uint64, src serviceID) int {
	if id == 0 {
		return -1
	}
	return slices.IndexFunc(f.events, func(e entry) bool { return e.id == id && e.src == src })
}

// indexOfID returns the index of an event with this id, whatever its source.
func (f *instance) indexOfID(id uint64) int {
	if id == 0 {
		return -1
	}
	return slices.IndexFunc(f.events, func(e entry) bool { return e.id == id })
}

// delay returns what is known of the obligation at i, which was overdue.
func (f *instance) delayOf(i int) *delay {
	d := slices.IndexFunc(f.rare.delays, func(d delay) bool { return int(d.obligation) == i })
	return &f.rare.delays[d]
}

// introducedBy returns the index of the first obligation that the event at i,
// or one after it, introduced.
func (f *instance) introducedBy(i int) int {
	low, high := 0, len(f.obligations)
	for low < high {
		if middle := (low + high) / 2; int(f.obligations[middle].trigger) < i {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return low
}

// introduce adds the obligations that the event at index i can make owed.
func (f *instance) introduce(i int) {
	e := &f.events[i]
	if e.typ == foreignType {
		return
	}
	p := f.program
	for _, r := range p.byTrigger[e.typ] {
		f.addObligation(r, i)
	}
	for _, r := range p.byUndone[e.typ] {
		f.addObligation(r, i)
	}
	for _, r := range p.byJoin[e.typ] {
		if f.completes(&p.rules[r], i) {
			f.addObligation(r, i)
		}
	}
}

func (f *instance) addObligation(rule uint16, trigger int) {
	if len(f.obligations) >= maxMaxEvents {
		f.flags |= flagTruncated | flagTouched
		return
	}
	if len(f.obligations) == cap(f.obligations) {
		f.obligations = slices.Grow(f.obligations, growth(len(f.obligations)))
	}
	f.obligations = append(f.obligations, obligation{rule: rule, trigger: uint16(trigger)}) //nolint:gosec // at most maxMaxEvents
}

// clip lets go of room that what has outgrown its own has not needed.
func (f *instance) clip() {
	if cap(f.events) > ownEvents {
		f.events = slices.Clip(f.events)
	}
	if cap(f.obligations) > ownObligations {
		f.obligations = slices.Clip(f.obligations)
	}
}

// growth is by how much to grow what has n: most flows have few events.
func growth(n int) int { return min(max(4, n/2), 64) }

// completes tells whether the event at i completes another round of a join: it
// is the nth of its type, and there are n of all the others already.
func (f *instance) completes(r *rule, i int) bool {
	own := f.count(f.events[i].typ, i+1)
	for _, typ := range r.all {
		if f.count(typ, i+1) < own {
			return false
		}
	}
	return true
}

// count returns how many of the first n events have the type.
func (f *instance) count(typ typeID, n int) int {
	count := 0
	for i := range f.events[:n] {
		if f.events[i].typ == typ {
			count++
		}
	}
	return count
}
