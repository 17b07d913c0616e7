package demo

import (
	"encoding/json"
	"fmt"
	"hash/maphash"
	"strings"
	"sync"
	"time"

	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
)

// book knows every order of this run, from the log and from what the demo did
// itself. Orders of other runs, whose messages a broker may still have, are
// none of its business. It is safe for concurrent use.
type book struct {
	customers customers
	rules     []reaction
	kinds     map[string]kind
	seed      maphash.Seed
	now       func() time.Time
	guess     time.Duration // how long an order may take, until one has

	mu         sync.Mutex
	plans      map[int]*plan     // orders that the demo asks for and that were not seen yet, by number
	orders     map[string]*order // by id
	list       []*order          // in the order in which they were seen
	unsettled  map[string]*order // by id
	fates      [numFates + 1]tally
	crew       crew
	cast       []string      // the services that crew is to have
	introduced chan struct{} // closed when crew has all that are awaited; nil when nobody waits
	stock      stockMoves
	feed       feed
	news       []news          // not yet told by the view
	halted     map[string]bool // orders that a fault keeps from going any further
	strays     map[string]int
	foreign    map[uint64]struct{} // hashes of events of other runs that moved stock
	parked     []string            // what was parked, and why
	byFault    int                 // how many were parked because a fault made them
	retries    int
	mails      int // notification.sent, so far
}

// plan is an order that the demo asks for.
type plan struct {
	fate   Fate
	sent   time.Time
	cancel cancelAnswer // where the API's answer was faster than the log
	err    error        // it could not be placed
	done   func()       // nil once it was called
}

// tally sums up the orders of one fate while the demo runs.
type tally struct {
	planned, settled, wrong int
	recent                  recent
}

// news is what the view has to tell: an order that is settled, or something
// that went wrong.
type news struct {
	at    time.Time
	order *orderNews
	stall *stallNews
	text  string
	bad   bool
}

// orderNews is a copy of what the view tells of an order.
type orderNews struct {
	id      string
	fate    Fate
	journey []kind
	retries int
	took    time.Duration
	wrong   verdict
}

// maxListed bounds lists of things that should not be there at all.
const maxListed = 100

func newBook(c customers, guess time.Duration, now func() time.Time) *book {
	return &book{
		customers: c,
		rules:     choreography(),
		kinds:     kindsByType(),
		seed:      maphash.MakeSeed(),
		now:       now,
		guess:     guess,
		plans:     make(map[int]*plan),
		orders:    make(map[string]*order),
		unsettled: make(map[string]*order),
		crew:      make(crew),
		stock:     make(stockMoves),
		halted:    make(map[string]bool),
		strays:    make(map[string]int),
		foreign:   make(map[uint64]struct{}),
	}
}

// introductions returns what is closed once each of these services has said in
// the log who it is. An order whose events are in the log before that would
// seem to be heard by nobody.
func (b *book) introductions(services []string) <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.cast, b.introduced = services, make(chan struct{})
	return b.introduced
}

// expect notes that order number seq is about to be asked for. done is called
// once it is settled, or could not be placed; it must not block.
func (b *book) expect(seq int, f Fate, done func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.plans[seq] = &plan{fate: f, sent: b.now(), done: done}
	b.fates[f].planned++
}

// notPlaced notes that order number seq could not be placed.
func (b *book) notPlaced(seq int, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p, waiting := b.plans[seq]
	if !waiting {
		return // it was, after all: the log has it
	}
	p.err = err
	b.fates[p.fate].settled++
	b.fates[p.fate].wrong++
	b.tell(news{text: fmt.Sprintf("an order (%s) could not be placed: %v", p.fate, err), bad: true})
	p.done()
	p.done = nil
}

// cancelAnswered notes what the API said to the request to cancel order number
// seq, whose id is known from placing it. err is why it said nothing, or nil.
func (b *book) cancelAnswered(seq int, id string, a cancelAnswer, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err != nil {
		b.tell(news{text: fmt.Sprintf("order %s could not be canceled: %v", id, err), bad: true})
	}
	if p, waiting := b.plans[seq]; waiting {
		p.cancel = a
		return
	}
	if o, ok := b.orders[id]; ok {
		o.cancel = a
		b.refresh(o)
	}
}

// apply folds a record of the log.
func (b *book) apply(r bus.LogRecord) {
	if r.Malformed != nil {
		return // of another program: ours are valid, or were not published
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	switch r.Kind {
	case bus.RecordEvent:
		b.applyEvent(r)
	case bus.RecordRetry, bus.RecordDead:
		b.applyFailure(r)
	case bus.RecordDirect:
		b.crew.apply(r)
		if b.introduced != nil && b.crew.has(b.cast) {
			close(b.introduced)
			b.introduced = nil
		}
	case bus.RecordRedriven: // no new event
	}
}

func (b *book) applyEvent(r bus.LogRecord) {
	k, known := b.kinds[r.Event.Type]
	if known && k == placed {
		b.applyPlaced(r)
	}
	o := b.orders[r.Event.Subject]
	if o == nil {
		b.applyForeign(k, known, r.Event)
		return
	}
	if k == notificationSent && known {
		b.mails++
	} else {
		b.feed.add(entry{at: r.Event.Time, order: o.id, fate: o.fate, from: r.Event.Source, to: b.crew.listeners(r.Event.Type), what: r.Event.Type})
	}
	if !known || k != notificationSent && !b.crew.listens(r.Event.Type) {
		b.stray(r, o)
	}
	if known && o.saw(b.hash(r.Event), k, r.Event.Time) {
		b.stock.apply(k, r.Event)
		b.refresh(o)
	}
}

// applyForeign counts what an order of another run, whose messages are still
// under way, takes from the stock of this one.
func (b *book) applyForeign(k kind, known bool, e event.Event) {
	if !known || k != stockConfirmed && k != stockReturned {
		return
	}
	hash := b.hash(e)
	if _, twice := b.foreign[hash]; !twice {
		b.foreign[hash] = struct{}{}
		b.stock.apply(k, e)
	}
}

// hash stands for an event's identity. An event may be in the log twice.
func (b *book) hash(e event.Event) uint64 {
	var h maphash.Hash
	h.SetSeed(b.seed)
	_, _ = h.WriteString(e.Source) // can't fail
	_ = h.WriteByte(0)
	_, _ = h.WriteString(e.ID)
	return h.Sum64()
}

// applyPlaced begins an order. Who the customer is tells whose it is.
func (b *book) applyPlaced(r bus.LogRecord) {
	var data struct {
		CustomerEmail string `json:"customer_email"`
		Amount        int64  `json:"amount"`
	}
	if err := json.Unmarshal(r.Event.Data, &data); err != nil {
		return
	}
	if _, known := b.orders[r.Event.Subject]; known {
		return
	}
	o := &order{id: r.Event.Subject, fate: Yours, amount: data.Amount, sent: b.now(), traceID: traceID(r.Headers["traceparent"])}
	switch seq, whose := b.customers.number(data.CustomerEmail); whose {
	case ours:
		if p, ok := b.plans[seq]; ok {
			o.fate, o.seq, o.sent, o.cancel, o.done = p.fate, seq, p.sent, p.cancel, p.done
			delete(b.plans, seq)
			if p.err != nil { // only its answer was lost
				b.fates[p.fate].settled--
				b.fates[p.fate].wrong--
			}
		}
	case anotherRuns:
		return
	case somebodys: // followed as it is
	}
	if o.fate == Yours {
		b.fates[Yours].planned++
	}
	b.orders[o.id] = o
	b.list = append(b.list, o)
}

// applyFailure notes a copy that waits for another attempt, or was parked.
func (b *book) applyFailure(r bus.LogRecord) {
	o := b.orders[r.Event.Subject]
	if o == nil {
		return
	}
	e := entry{at: b.now(), order: o.id, fate: o.fate, from: r.Service, what: r.Event.Type, why: r.Error, attempt: r.Attempt}
	if _, cause, named := strings.Cut(e.why, o.id+": "); named {
		e.why = cause // which order it is stands beside it
	}
	if r.Kind == bus.RecordRetry {
		e.kind = entryRetry
		o.retries++
		b.retries++
		b.feed.add(e)
		return
	}
	e.kind = entryParked
	b.feed.add(e)
	if o.halted {
		b.byFault++ // as it had to be
		return
	}
	text := fmt.Sprintf("%s parked %s of order %s: %s", r.Service, r.Event.Type, o.id, r.Error)
	if len(b.parked) < maxListed {
		b.parked = append(b.parked, text)
	}
	b.tell(news{text: text, bad: true})
}

// stray notes an event that nobody asked for.
func (b *book) stray(r bus.LogRecord, o *order) {
	if len(b.strays) < maxListed || b.strays[r.Event.Type] > 0 {
		b.strays[r.Event.Type]++
	}
	if b.strays[r.Event.Type] == 1 {
		b.tell(news{text: fmt.Sprintf("%s emitted %q (order %s), which no service listens to", r.Event.Source, r.Event.Type, shortID(o.id)), bad: true})
	}
}

// refresh derives where an order is, and counts it when it is settled.
func (b *book) refresh(o *order) {
	o.refresh(b.rules)
	if o.phase != settled && b.halted[o.id] {
		b.halt(o)
		return
	}
	if o.phase != settled {
		b.unsettled[o.id] = o
		return
	}
	delete(b.unsettled, o.id)
	if o.told {
		return
	}
	o.told = true
	o.wrong = judge(b.rules, o)
	t := &b.fates[o.fate]
	t.settled++
	t.recent.add(o.took())
	if len(o.wrong) > 0 {
		t.wrong++
	}
	b.tell(news{order: &orderNews{
		id: o.id, fate: o.fate, journey: o.journey[:len(o.journey):len(o.journey)], retries: o.retries, took: o.took(), wrong: o.wrong,
	}})
	if o.done != nil {
		o.done()
		o.done = nil
	}
}

func (b *book) tell(n news) {
	n.at = b.now()
	b.news = append(b.news, n)
}

// takeNews returns what was not told yet, and forgets it.
func (b *book) takeNews() []news {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := b.news
	b.news = nil
	return all
}

// open returns how many orders are not settled.
func (b *book) open() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.openLocked()
}

func (b *book) openLocked() int { return b.awaited() + len(b.unsettled) }

// awaited is how many orders were asked for and not seen yet.
func (b *book) awaited() int {
	n := 0
	for _, p := range b.plans {
		if p.err == nil {
			n++
		}
	}
	return n
}

// usually returns how long an approved order takes at present.
func (b *book) usually() time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	if d := b.fates[Approved].recent.quantiles().p50; d > 0 {
		return d
	}
	return b.guess
}

// holds tells whether every invariant holds by what is known now.
func (b *book) holds(e evidence) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, i := range invariants(b.rules, b.list, b.stock, failures{b.parked, b.byFault, b.strays}, e) {
		if len(i.Broken) > 0 {
			return false
		}
	}
	return true
}
