package demo

import (
	"encoding/json"
	"fmt"
	"strings"

	contract "github.com/laban-io/laban/pkg/choreography"
	"github.com/laban-io/laban/pkg/event"
	"github.com/laban-io/laban/pkg/flow"
)

// fateOf returns the fate of the order that an event is of, which the log may
// not have told of yet, and whether the order is one of this run's.
func (b *book) fateOf(e *event.Event) (Fate, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if o := b.orders[e.Subject]; o != nil {
		return o.fate, true
	}
	var data struct {
		CustomerEmail string `json:"customer_email"`
	}
	if e.Type != placed.String() || json.Unmarshal(e.Data, &data) != nil {
		return Yours, false
	}
	seq, whose := b.customers.number(data.CustomerEmail)
	if p := b.plans[seq]; whose == ours && p != nil {
		return p.fate, true
	}
	return Yours, false
}

// expectsStall tells whether an order is one of this run's, and whether it may
// be overdue at a service without a fault: its provider answers too late.
func (b *book) expectsStall(k hitKey) (mine, late bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	o := b.orders[k.of]
	return o != nil, o != nil && o.fate == TimesOut && k.service == "payment"
}

// stoppedForGood notes that a fault keeps an order from going any further.
func (b *book) stoppedForGood(order string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.halted[order] = true
	if o := b.orders[order]; o != nil {
		b.refresh(o)
	}
}

// halt takes note of an order that goes no further. Nobody waits for it.
func (b *book) halt(o *order) {
	o.halted = true
	delete(b.unsettled, o.id)
	if o.done != nil {
		o.done()
		o.done = nil
	}
}

// stallFound tells of what the observer has found.
func (b *book) stallFound(t *flow.Transition) {
	b.mu.Lock()
	defer b.mu.Unlock()
	o := b.orders[t.Key]
	if o == nil {
		return // another run's
	}
	n := stallNews{order: o.id, recovered: t.Kind == flow.Recovered, service: t.Due.Service}
	if n.recovered {
		n.what = fmt.Sprintf("goes on: %s has answered %s", t.Due.Service, t.Due.On)
	} else {
		n.what = fmt.Sprintf("%s owes %s", t.Due.Service, strings.Join(t.Due.For, " or "))
		n.why = fmt.Sprintf("%s: %s", t.Finding.Cause, t.Finding.Evidence)
	}
	b.tell(news{stall: &n})
	e := entry{at: b.now(), order: o.id, fate: o.fate, from: t.Due.Service, what: n.what, why: n.why, kind: entryStalled}
	if n.recovered {
		e.kind = entryRecovered
	}
	b.feed.add(e)
}

// stallNews is what there is to tell of a stall.
type stallNews struct {
	order, service, what, why string
	recovered                 bool
}

// line is the news as one line, after its time.
func (n *stallNews) line(l line) line {
	l.add(shortID(n.order)+"  ", plainText)
	if n.recovered {
		l.add(leftAlign("recovered", 14), green)
		l.add("          "+n.what, plainText)
		return l
	}
	l.add(leftAlign("stalled", 14), yellow)
	l.add("          "+n.what, plainText)
	l.add("; "+n.why, dim)
	return l
}

// unlike says which orders have ended otherwise, or not, by what an observer
// found.
func (b *book) unlike(found *detections) []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var differs []string
	for _, o := range b.list {
		if o.phase != settled {
			continue
		}
		class, ended := found.class(o.id)
		switch {
		case !ended:
			differs = append(differs, fmt.Sprintf("order %s has ended, and the observer does not know", o.id))
		case endedWell(o.counts) != (class == contract.Completed):
			differs = append(differs, fmt.Sprintf("order %s: %s; the observer says %s", o.id, namesOf(o.counts, outcomes()...), class))
		}
	}
	return differs
}
