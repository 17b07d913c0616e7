package demo

import (
	"fmt"
	"strings"
)

// reaction is one rule of the choreography: on any of these events, the service
// owes one of those.
type reaction struct {
	service string
	on      []kind
	emits   []kind
	// undoes, where set, is owed once for each event of that kind, however many
	// triggers there are.
	undoes *kind
	// unless voids what is owed in a flow that has one of these.
	unless []kind
	// side reactions are owed, too, but the order has ended without them.
	side bool
}

// choreography returns the rules of the order's choreography (DESIGN.md, "The
// contract"). What they say depends on which events there are, never on their
// order.
func choreography() []reaction {
	undo := func(k kind) *kind { return &k }
	return []reaction{
		{service: "inventory", on: []kind{placed}, emits: []kind{stockConfirmed, stockRejected}},
		{service: "payment", on: []kind{stockConfirmed}, emits: []kind{paymentConfirmed, paymentRejected}},
		{service: "delivery", on: []kind{paymentConfirmed}, emits: []kind{shipped, deliveryFailed}, unless: []kind{canceled}},
		{service: "delivery", on: []kind{cancelRequested}, emits: []kind{canceled, cancelRefused}},
		{service: "inventory", on: []kind{paymentRejected, canceled, deliveryFailed}, undoes: undo(stockConfirmed), emits: []kind{stockReturned}},
		{service: "payment", on: []kind{canceled, deliveryFailed}, undoes: undo(paymentConfirmed), emits: []kind{refundProcessed}},
		{service: "notification", side: true, emits: []kind{notificationSent}, on: []kind{
			placed, stockConfirmed, stockRejected, paymentConfirmed, paymentRejected,
			shipped, deliveryFailed, canceled, cancelRefused, refundProcessed}},
	}
}

// debt is what a service still owes an order.
type debt struct {
	reaction
	n int
}

// String says who owes what.
func (d debt) String() string {
	var names []string
	for _, k := range d.emits {
		names = append(names, k.String())
	}
	text := d.service + " owes " + strings.Join(names, " or ")
	if d.n > 1 {
		text += fmt.Sprintf(" (%d×)", d.n)
	}
	return text
}

// due returns how many events the reaction is to bring forth in all.
func (r reaction) due(c counts) int {
	triggers := c.sum(r.on)
	switch {
	case triggers == 0:
		return 0
	case r.undoes != nil:
		return int(c[*r.undoes])
	default:
		return triggers
	}
}

// owed returns what is still owed, side reactions last.
func owed(rules []reaction, c counts) []debt {
	var debts []debt
	for _, r := range rules {
		if c.has(r.unless...) {
			continue
		}
		if n := r.due(c) - c.sum(r.emits); n > 0 {
			debts = append(debts, debt{r, n})
		}
	}
	return debts
}

// inconsistencies returns what must not be in an order's history that is over:
// more answers than questions, things undone that were not done, an end that is
// good and bad.
func inconsistencies(rules []reaction, c counts) []string {
	var wrong []string
	for _, r := range rules {
		if extra := c.sum(r.emits) - r.due(c); extra > 0 {
			for _, k := range r.emits {
				if c[k] > 0 {
					wrong = append(wrong, fmt.Sprintf("%s emitted %s %d× where %d is due", r.service, k, c[k], r.due(c)))
				}
			}
		}
	}
	if good, bad := endedWell(c), endedBadly(c); good && bad {
		wrong = append(wrong, "it has ended well and badly: "+namesOf(c, outcomes()...))
	}
	return wrong
}

// outcomes returns the events that decide whether an order went well or badly.
func outcomes() []kind {
	return []kind{shipped, stockRejected, paymentRejected, deliveryFailed, canceled}
}

func endedWell(c counts) bool { return c.has(shipped) }

func endedBadly(c counts) bool {
	return c.has(stockRejected, paymentRejected, deliveryFailed, canceled)
}

// phase is how far an order has come.
type phase int

const (
	underWay phase = iota // no outcome is known
	undoing               // it has ended badly, and something is owed
	deciding              // it has ended well, and something is owed: an answer to a late cancel
	mailing               // it has ended, and a mail is owed
	settled               // nothing is owed any more
)

// phaseOf returns the phase, and the service whose turn it is, "" if none's.
func phaseOf(rules []reaction, c counts) (phase, string) {
	debts := owed(rules, c)
	decided := c.has(outcomes()...)
	switch {
	case len(debts) == 0 && decided:
		return settled, ""
	case len(debts) == 0:
		return underWay, ""
	case !decided:
		return underWay, debts[0].service
	case debts[0].side:
		return mailing, debts[0].service
	case endedBadly(c):
		return undoing, debts[0].service
	default:
		return deciding, debts[0].service
	}
}

// namesOf lists those of the kinds that c has.
func namesOf(c counts, kinds ...kind) string {
	var names []string
	for _, k := range kinds {
		if c[k] > 0 {
			names = append(names, k.String())
		}
	}
	return strings.Join(names, ", ")
}
