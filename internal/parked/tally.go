package parked

import (
	"fmt"
	"slices"
	"strings"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/laban-io/laban/internal/observer/record"
	"github.com/laban-io/laban/pkg/amqpbus"
	"github.com/laban-io/laban/pkg/bus"
)

// maxWaiting bounds how many messages a scan holds.
const maxWaiting = 200_000

// tally is what reading the log adds up to.
type tally struct {
	filter  Filter
	window  time.Duration // 0: all of the log
	waiting []waiting
	// byRef are the places in waiting of what is not resolved, oldest first.
	byRef map[Ref][]int
	// astray were to be parked, and were lost.
	astray map[Ref]int
	// finished were sent or discarded.
	finished map[Ref]int
	services map[string]bool
	streams  map[Kind]bool // that there are
	now      time.Time     // log time
	held     int           // bytes of content
	more     int           // how many did not fit
	// wanted are the strays that an observer has told of, and observed tells that
	// there was an observer.
	wanted   map[string]time.Time
	observed bool
}

type waiting struct {
	Message
	gone bool
}

func newTally(f Filter) *tally {
	t := &tally{
		filter: f, byRef: map[Ref][]int{}, astray: map[Ref]int{}, finished: map[Ref]int{}, services: map[string]bool{}, streams: map[Kind]bool{}, wanted: map[string]time.Time{},
	}
	for _, s := range f.Known {
		t.services[s] = true
	}
	return t
}

// waits takes a message that was set aside.
func (t *tally) waits(m *Message) {
	if m.Service != "" {
		t.services[m.Service] = true
	}
	if len(t.waiting) == maxWaiting {
		t.more++
		return
	}
	if t.held += len(m.Data); t.held > maxContent {
		*m = m.bare()
	}
	ref := m.Ref()
	t.byRef[ref] = append(t.byRef[ref], len(t.waiting))
	t.waiting = append(t.waiting, waiting{Message: *m})
}

// went takes that a message was sent or discarded: the first of those with this
// name that were set aside before, or one from before the window.
func (t *tally) went(ref Ref) {
	t.finished[ref]++
	if places := t.byRef[ref]; len(places) > 0 {
		t.waiting[places[0]].gone = true
		t.byRef[ref] = places[1:]
	}
}

// record takes a record of the log.
func (t *tally) record(a *AMQP, d *amqp.Delivery) {
	switch _, redriven := d.Headers[bus.HeaderRedrive]; {
	case d.Exchange == a.names.Dead, d.Exchange == "", d.Exchange == a.names.Events && redriven:
	default:
		return // most of the log, which need not be read any closer
	}
	r, native := amqpbus.ReadRecord(a.cfg.Prefix, d)
	if !native {
		return
	}
	switch r.Kind {
	case bus.RecordDead:
		m := a.message(Parked, d)
		m.At, m.Place = t.now, Place{a.log, r.Offset}
		if ref := m.Ref(); t.astray[ref] > 0 {
			t.astray[ref]--
			return
		}
		t.waits(&m)
	case bus.RecordRedriven:
		t.went(redrivenRef(&r))
	case bus.RecordDirect:
		t.direct(&r)
	case bus.RecordEvent, bus.RecordRetry:
	}
}

// direct takes what an observer, a service or a person wrote into the log.
func (t *tally) direct(r *bus.LogRecord) {
	if r.Malformed != nil {
		return
	}
	if r.Event.Type == bus.AnnouncementType {
		var said bus.Announcement
		if r.Event.Decode(&said) == nil && said.Queue != "" {
			t.services[said.Queue] = true
		}
		return
	}
	if !strings.HasPrefix(r.Event.Type, record.Prefix) {
		return
	}
	own, err := record.Decode(r.Event)
	if err != nil {
		return // of a later version
	}
	switch x := own.(type) {
	case record.Pulse:
		t.now, t.observed = x.Time, true
	case record.Stray:
		t.wanted[x.EventID] = t.now
	case record.Redriven:
		if x.Discarded {
			t.went(discardedRef(&x))
		}
	}
}

// redrivenRef names what a redriven copy was.
func redrivenRef(r *bus.LogRecord) Ref {
	kind, before, _ := strings.Cut(r.Headers[bus.HeaderRedriveOf], " ")
	m := messageOf(Kind(kind), &r.Message, r.Malformed)
	return Ref{Kind: Kind(kind), Service: r.Service, Source: m.Source, ID: m.ID, Before: before}
}

func discardedRef(r *record.Redriven) Ref {
	return Ref{Kind: Kind(r.Kind), Service: r.Service, Source: r.EventSource, ID: r.EventID, Before: r.Before}
}

// servicesWith returns the services that are known, and others.
func (t *tally) servicesWith(named []string) []string {
	if len(named) > 0 {
		return named
	}
	var all []string
	for s := range t.services {
		all = append(all, s)
	}
	slices.Sort(all)
	return all
}

// open returns what waits: what was set aside and not sent or discarded since.
func (t *tally) open() []*Message {
	var all []*Message
	for i := range t.waiting {
		if !t.waiting[i].gone {
			all = append(all, &t.waiting[i].Message)
		}
	}
	return all
}

// complete tells whether as many were found as wait.
func (t *tally) complete(depths []Depth) bool {
	found := map[Depth]int{}
	for _, m := range t.open() {
		found[Depth{Kind: m.Kind, Service: service(m)}]++
	}
	for _, d := range depths {
		if d.Kind == Lost && !t.streams[Lost] {
			continue
		}
		if found[Depth{Kind: d.Kind, Service: d.Service}] < d.Count {
			return false
		}
	}
	return true
}

// service is whose box a message is in, of a parked one.
func service(m *Message) string {
	if m.Kind == Parked {
		return m.Service
	}
	return ""
}

func (t *tally) catch(depths []Depth) *Catch {
	c := &Catch{Depths: depths, Finished: t.finished}
	found := map[Kind]map[string]int{Parked: {}, Lost: {}}
	for _, m := range t.open() {
		delete(c.Finished, m.Ref()) // two alike: which of them went, nobody can tell
		if m.Kind != Unrouted {
			found[m.Kind][service(m)]++
		} else {
			at, wanted := t.wanted[m.ID]
			if t.observed && !wanted {
				continue // nobody waits for it
			}
			m.At = at
		}
		if m.Kind == Lost {
			m.At = t.wanted[m.ID]
		}
		if t.filter.Takes(m) {
			c.Messages = append(c.Messages, *m)
		}
	}
	if t.more > 0 {
		c.Notes = append(c.Notes, fmt.Sprintf("%d more messages wait than fit into this list: deal with some of them, and look again", t.more))
	}
	if among(Unrouted, t.filter.kinds()) && t.filter.Since.IsZero() && t.window > 0 {
		c.Notes = append(c.Notes, "unrouted events are those of the last 24 hours")
	}
	for _, d := range depths {
		if !among(d.Kind, t.filter.kinds()) {
			continue
		}
		if n := d.Count - found[d.Kind][d.Service]; n > 0 {
			c.Notes = append(c.Notes, t.unseen(d, n))
		}
	}
	return c
}

// unseen says what a queue holds that could not be found.
func (t *tally) unseen(d Depth, n int) string {
	what := fmt.Sprintf("%s holds %d messages more than were found", d.Queue, n)
	if n == 1 {
		what = fmt.Sprintf("%s holds 1 message more than was found", d.Queue)
	}
	switch {
	case d.Kind == Lost && !t.streams[Lost]:
		return what + ": no observer ran, so there is no copy to look at"
	case !t.filter.Since.IsZero():
		return what + " since then"
	default:
		return what + ": set aside before the oldest record of the log, or sent by a command that was cut off before it could remove it"
	}
}
