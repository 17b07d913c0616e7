package flow

import (
	"time"

	"github.com/laban-io/laban/pkg/choreography"
)

// Tracker knows the flows of a log. See the package's documentation.
type Tracker struct {
	cfg Config

	// now is log time: the time of the last pulse, 0 before the first.
	now int64
	// offset is the record that is being applied.
	offset uint64
	// gapEnd is the pulse that ended the last gap between pulses.
	gapEnd int64

	lines map[string]*line
	// newest is the line that was asked for last.
	newest *line
	// order are the lines by name, so that nothing depends on a map's order.
	order    []*line
	programs map[string]*program // by hash
	live     int                 // flows that have not retired
	// refusedEvents and refusedFlows count what there was no room for.
	refusedEvents, refusedFlows uint64

	deadlines deadlines
	// fresh are the flows that the next pulse has to settle.
	fresh []*instance
	// looking and retiring are scratch of a pulse.
	looking, retiring []*instance
	// retired are the tombstones, the oldest first.
	retired tombstones
	dirty   []*instance
	// stalled are the flows with something overdue, and stalls what that is.
	stalled map[*instance]struct{}
	stalls  map[stallKind]*stalls

	services services
	clocks   clocks
	judge    judge
	pool     pool

	transitions []Transition
	entries     []Entry
	snapshot    Snapshot
}

// line is one choreography, in whatever version, and its flows.
type line struct {
	name    string
	current *program
	flows   index
	// keys has of each key the flow that events without an id are of: see
	// flagOwner.
	keys keys
	// counts are the flows that have not retired, by status.
	counts [statuses]int
}

// New returns a tracker that knows nothing yet.
func New(cfg Config) *Tracker {
	return &Tracker{
		cfg: cfg.withDefaults(), lines: map[string]*line{}, programs: map[string]*program{},
		stalled: map[*instance]struct{}{}, stalls: map[stallKind]*stalls{}, services: newServices(), clocks: clocks{},
	}
}

// Now returns the log time: that of the last pulse, or the zero time.
func (t *Tracker) Now() time.Time { return moment(t.now) }

// Live returns how many flows are tracked, without tombstones.
func (t *Tracker) Live() int { return t.live }

// Tombstones returns how many ended flows are remembered.
func (t *Tracker) Tombstones() int { return t.retired.live }

// Busy tells whether anything is owed, so that time matters.
func (t *Tracker) Busy() bool { return len(t.fresh) > 0 || t.deadlines.len() > 0 }

// Rules puts a contract in force for the flows that start from here on. Those
// under way keep theirs.
func (t *Tracker) Rules(r *Rules) []Transition {
	t.begin(r.Offset)
	t.Know(r.Choreography)
	t.lineOf(r.Choreography.Name).current = t.programs[r.Choreography.Hash]
	return t.transitions
}

// Retire has no flow of a choreography begin from here on. Those under way keep
// their rules, and end by them.
func (t *Tracker) Retire(r *Retirement) []Transition {
	t.begin(r.Offset)
	if l := t.lines[r.Choreography]; l != nil {
		l.current = nil
	}
	return t.transitions
}

// Retired returns the choreographies without a contract of which flows are under
// way, by name.
func (t *Tracker) Retired() []string {
	var names []string
	for _, l := range t.order {
		live := 0
		for _, n := range l.counts {
			live += n
		}
		if l.current == nil && live > 0 {
			names = append(names, l.name)
		}
	}
	return names
}

// Know makes a contract known without putting it in force: flows that began
// under it can be restored.
func (t *Tracker) Know(c *choreography.Choreography) {
	if t.programs[c.Hash] == nil {
		t.programs[c.Hash] = compile(c)
	}
}

// begin prepares for a record.
func (t *Tracker) begin(offset uint64) {
	t.offset = offset
	t.transitions = t.transitions[:0]
	t.entries = t.entries[:0]
}

// findLine returns the line with this name, or nil.
func (t *Tracker) findLine(name string) *line {
	if t.newest != nil && t.newest.name == name {
		return t.newest
	}
	l := t.lines[name]
	if l != nil {
		t.newest = l
	}
	return l
}

// lineOf returns the line with this name, which it makes on first sight.
func (t *Tracker) lineOf(name string) *line {
	l := t.lines[name]
	if l == nil {
		l = &line{name: name, flows: newIndex(), keys: newKeys()}
		t.lines[name] = l
		t.order = insertLine(t.order, l)
	}
	return l
}

func insertLine(order []*line, l *line) []*line {
	at := 0
	for at < len(order) && order[at].name < l.name {
		at++
	}
	order = append(order, nil)
	copy(order[at+1:], order[at:])
	order[at] = l
	return order
}

// say adds a transition of f.
func (t *Tracker) say(f *instance, kind Kind) *Transition {
	t.transitions = append(t.transitions, Transition{
		Kind: kind, Choreography: f.line.name, FlowID: f.id(), Key: f.key(), At: moment(t.now), Offset: t.offset,
		FlowTrace: f.trace,
	})
	return &t.transitions[len(t.transitions)-1]
}

// deviate records that f departs from its contract.
func (t *Tracker) deviate(f *instance, d Deviation, detail string) {
	f.deviations++
	t.touch(f)
	tr := t.say(f, Deviated)
	tr.Deviation, tr.Detail = d, detail
}

// touch marks f as changed.
func (t *Tracker) touch(f *instance) {
	if !f.is(flagDirty) {
		f.flags |= flagDirty
		t.dirty = append(t.dirty, f)
	}
}

// freshen has the next pulse settle f.
func (t *Tracker) freshen(f *instance) {
	f.quiet = 0 // which also tells, of one that is restored, that it is fresh
	if !f.is(flagFresh) {
		f.flags |= flagFresh
		t.fresh = append(t.fresh, f)
	}
}

// moment is a log time as others know it.
func moment(ns int64) time.Time {
	if ns == 0 {
		return time.Time{}
	}
	return time.Unix(0, ns).UTC()
}

// nanos is the inverse of moment. Times of before 1970 count as unknown, and
// those of after 2200 as of then.
func nanos(at time.Time) int64 {
	const latest = 7_258_118_400 // 2200-01-01
	switch seconds := at.Unix(); {
	case seconds < 0:
		return 0
	case seconds > latest:
		return latest * int64(time.Second)
	default:
		return at.UnixNano()
	}
}
