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
	// MaxEvents is how many events are kept; later ones are counted only.
	MaxEvents = 5_000_000
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
	events          int
	counts          Counts
	newest          int64 // the newest time of any event
	pulses          pulses
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
}

// group is the flows of one choreography.
type group struct {
	name   string
	flows  []*run
	byName map[string]*run
	events int
}

// run is one flow.
type run struct {
	id       string
	identity bool // by a flow id, not by a key, which may come back
	events   []step
	beyond   bool
}

// step is an event of a flow. Times are Unix nanoseconds, 0 where unknown.
type step struct {
	typ, src            int
	id, cause           uint64
	caused              int // index of the causing event, or -1
	made, received, log int64
	// at is the best there is: log time, or the producer's, corrected.
	at int64
}

// NewLog returns an empty log.
func NewLog() *Log { return &Log{groups: map[string]*group{}} }

// Add adds the next record.
func (l *Log) Add(r *Record) {
	l.counts.Records++
	if !isName(r.Type) || !isName(r.Source+"-") || !isName(r.FlowName+"-") || r.FlowID == "" && r.Key == "" {
		l.counts.Unplaced++
		return
	}
	if l.events >= MaxEvents {
		l.counts.Beyond++
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
		g = &group{name: strings.Clone(r.FlowName), byName: map[string]*run{}}
		l.groups[g.name] = g
	}
	f := g.flow(r)
	s := step{
		typ: typ, src: src, id: hashed(r.ID), cause: hashed(r.CausationID), caused: -1,
		made: nanos(r.Time), received: nanos(r.TriggerTime), log: nanos(r.LogTime),
	}
	if s.id != 0 && slices.ContainsFunc(f.events, func(o step) bool { return o.id == s.id && o.src == s.src }) {
		l.counts.Duplicates++
		return
	}
	if len(f.events) >= MaxFlowEvents {
		f.beyond = true
		l.counts.Beyond++
		return
	}
	f.events = append(f.events, s)
	l.pulses.wait(f)
	g.events++
	l.events++
	l.newest = max(l.newest, cmp.Or(s.log, s.made))
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
		if g.events > 0 {
			gs = append(gs, g)
		}
	}
	slices.SortFunc(gs, func(a, b *group) int {
		return cmp.Or(cmp.Compare(b.events, a.events), strings.Compare(a.name, b.name))
	})
	found := make([]string, len(gs))
	for i, g := range gs {
		found[i] = g.name
	}
	return found
}

func (g *group) flow(r *Record) *run {
	id, identity := "k"+r.Key, false
	if r.FlowID != "" {
		id, identity = "f"+r.FlowID, true
	}
	f := g.byName[id]
	if f == nil {
		f = &run{id: id[1:], identity: identity}
		g.byName[f.nameIn()] = f
		g.flows = append(g.flows, f)
	}
	return f
}

func (f *run) nameIn() string {
	if f.identity {
		return "f" + f.id
	}
	return "k" + f.id
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
