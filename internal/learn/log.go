package learn

import (
	"cmp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/cespare/xxhash/v2"

	"github.com/laban-io/laban/pkg/choreography"
)

// Bounds of what is kept of a log.
const (
	// DefaultKept is how many events are kept where nothing else is said, and
	// LeastKept is the least that can be said. Of a longer log whole flows are
	// left out, evenly: one of two is kept, one of four, and so on.
	DefaultKept = 2_000_000
	LeastKept   = 10_000
	// MaxFlowEvents is how many events of a flow are kept. A flow with more is
	// left out.
	MaxFlowEvents = 1000
	// MaxTypes is how many types of event, and how many services, are told apart.
	MaxTypes = 500
)

// Log is what was read of a log. It is for one goroutine at a time.
type Log struct {
	types, services names
	groups          map[string]*group // by flow name
	most, events    int               // how many are kept at most, and how many are
	counts          Counts
	newest          int64 // the newest time of any event
	pulses          pulses
	last            *explained
}

// Counts is what was read, and what of it could not be used.
type Counts struct {
	// Records is how many records there were.
	Records int `json:"records"`
	// Duplicates are events that came before with the same id and source.
	Duplicates int `json:"duplicates"`
	// Unplaced have no type, or neither a flow id nor a key, or a name that
	// can't be one.
	Unplaced int `json:"unplaced"`
	// Beyond were left out because of a bound of this package.
	Beyond int `json:"beyond"`
	// Thinned are events of flows that were left out because there are too many.
	Thinned int `json:"thinned"`
}

// group is the flows of one choreography.
type group struct {
	name  string
	flows []*run
	by    map[uint64]*run
	// seen is how many events there were, and kept how many are in flows.
	seen, kept int
	// halved is how often half of the flows were left out.
	halved int
}

// run is one flow.
type run struct {
	id       uint64 // its flow id or key, hashed
	identity bool   // by a flow id, not by a key, which may come back
	beyond   bool
	events   []step
}

// step is an event of a flow: small, since millions of them are kept. Times are
// Unix nanoseconds, 0 where unknown.
type step struct {
	id, cause           uint64
	made, received, log int64
	// at is the best there is: log time, or the producer's, corrected.
	at       int64
	typ, src uint16
	caused   int16 // index of the causing event, or -1
}

// NewLog returns an empty log that keeps [DefaultKept] events.
func NewLog() *Log { return NewLogOf(DefaultKept) }

// NewLogOf returns an empty log that keeps so many events at most, and never
// fewer than [LeastKept]. An event takes some 100 bytes of memory.
func NewLogOf(most int) *Log {
	return &Log{groups: map[string]*group{}, most: max(most, LeastKept)}
}

// Add adds the next record.
func (l *Log) Add(r *Record) {
	l.counts.Records++
	if !isName(r.Type) || !isName(r.Source+"-") || !isName(r.FlowName+"-") || r.FlowID == "" && r.Key == "" {
		l.counts.Unplaced++
		return
	}
	typ, known := l.types.number(r.Type)
	src, knownToo := l.services.number(cmp.Or(r.Source, firstWord(r.Type)))
	if !known || !knownToo {
		l.counts.Beyond++
		return
	}
	g := l.groups[r.FlowName]
	if g == nil {
		if len(l.groups) >= MaxTypes {
			l.counts.Beyond++
			return
		}
		g = &group{name: strings.Clone(r.FlowName), by: map[uint64]*run{}}
		l.groups[g.name] = g
	}
	if l.events >= l.most && !l.thin() {
		l.counts.Beyond++
		return
	}
	s := step{
		typ: uint16(typ), src: uint16(src), id: hashed(r.ID), cause: hashed(r.CausationID), caused: -1, //nolint:gosec // at most MaxTypes
		made: nanos(r.Time), received: nanos(r.TriggerTime), log: nanos(r.LogTime),
	}
	f := g.flow(r)
	switch {
	case f == nil:
		l.counts.Thinned++
	case s.id != 0 && slices.ContainsFunc(f.events, func(o step) bool { return o.id == s.id && o.src == s.src }):
		l.counts.Duplicates++
		return
	case len(f.events) >= MaxFlowEvents:
		f.beyond = true
		l.counts.Beyond++
		return
	default:
		f.events = append(f.events, s)
		l.pulses.wait(f)
		g.kept++
		l.events++
	}
	g.seen++
	l.newest = max(l.newest, cmp.Or(s.log, s.made))
}

// thin makes room: it leaves out half of the flows of the choreography with most
// events, again and again if need be. It tells whether there is room now.
func (l *Log) thin() bool {
	for l.events >= l.most {
		var g *group
		for _, o := range l.groups {
			if g == nil || o.kept > g.kept || o.kept == g.kept && o.name < g.name {
				g = o
			}
		}
		if g.halved >= maxHalvings {
			return false // ids that were made to be in every sample
		}
		before := g.kept
		g.halve()
		l.events -= before - g.kept
		l.counts.Thinned += before - g.kept
	}
	return true
}

// EndedAt says that the log was read to its end at a time, so that flows which
// were quiet before are known to be. Without it the log ends with its last event.
func (l *Log) EndedAt(t time.Time) { l.newest = max(l.newest, nanos(t)) }

// Counts returns what was read.
func (l *Log) Counts() Counts { return l.counts }

// Names returns the names of the choreographies in the log, the one with most
// events first. The name is empty where events name no flow.
func (l *Log) Names() []string {
	var gs []*group
	for _, g := range l.groups {
		if g.seen > 0 {
			gs = append(gs, g)
		}
	}
	slices.SortFunc(gs, func(a, b *group) int {
		return cmp.Or(cmp.Compare(b.seen, a.seen), strings.Compare(a.name, b.name))
	})
	found := make([]string, len(gs))
	for i, g := range gs {
		found[i] = g.name
	}
	return found
}

// flow returns the flow that an event is of, or nil where that is left out.
func (g *group) flow(r *Record) *run {
	id, identity := ^xxhash.Sum64String(r.Key), false
	if r.FlowID != "" {
		id, identity = xxhash.Sum64String(r.FlowID), true
	}
	f := g.by[id]
	if f == nil {
		f = &run{id: id, identity: identity}
		if !f.inSample(g.halved) {
			return nil
		}
		g.by[id] = f
		g.flows = append(g.flows, f)
	}
	return f
}

// maxHalvings is how often flows are halved at most.
const maxHalvings = 40

// inSample tells whether a flow is still there when half of them were left out
// so often. The bits of its id decide, so that the same log gives the same
// sample, and every flow has the same chance.
func (f *run) inSample(halved int) bool { return f.id&(1<<halved-1) == 0 }

// halve leaves out about half of the flows.
func (g *group) halve() {
	g.halved++
	flows := make([]*run, 0, len(g.flows)/2)
	g.by, g.kept = make(map[uint64]*run, len(g.flows)/2), 0
	for _, f := range g.flows {
		if f.inSample(g.halved) {
			flows = append(flows, f)
			g.by[f.id] = f
			g.kept += len(f.events)
		}
	}
	g.flows = flows
}

// names numbers words.
type names struct {
	list []string
	at   map[string]int
}

func (n *names) number(word string) (int, bool) {
	if i, ok := n.at[word]; ok {
		return i, true
	}
	if len(n.list) >= MaxTypes {
		return 0, false
	}
	if n.at == nil {
		n.at = map[string]int{}
	}
	word = strings.Clone(word)
	n.at[word] = len(n.list)
	n.list = append(n.list, word)
	return len(n.list) - 1, true
}

// isName tells whether a word can be a name in a contract: it is there, not too
// long, and nothing in it would end a line.
func isName(word string) bool {
	return word != "" && len(word) <= choreography.MaxName && utf8.ValidString(word) && strings.IndexFunc(word, unicode.IsControl) < 0 &&
		!strings.ContainsAny(word, "\u2028\u2029\ufeff")
}

// firstWord is what an event's type says of where it comes from.
func firstWord(eventType string) string {
	if i := strings.IndexAny(eventType, "._-:/"); i > 0 {
		return eventType[:i]
	}
	return eventType
}

// hashed is an id's identity within a flow, 0 for none.
func hashed(id string) uint64 {
	if id == "" {
		return 0
	}
	return max(xxhash.Sum64String(id), 1)
}
