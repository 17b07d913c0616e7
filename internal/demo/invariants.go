package demo

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Invariant is something that holds whatever the fates, or does not.
type Invariant struct {
	Name string
	// Detail is in figures what was found.
	Detail string
	// Broken is what speaks against it; empty if it holds.
	Broken []string
}

// invariants checks everything that must hold for the orders of a run. An order
// that is still open is left out where the question makes no sense yet.
func invariants(rules []reaction, orders []*order, moved stockMoves, failures failures, e evidence) []Invariant {
	return []Invariant{
		stockConserved(orders, moved, e),
		moneyRight(orders, e),
		oneClass(orders),
		oneMailAChange(rules, orders, e),
		nothingLeftOver(failures, e),
		sameInAPI(orders, e),
	}
}

// failures is what the log says went wrong with messages.
type failures struct {
	parked []string
	halted int            // parked because a fault made it so
	strays map[string]int // event types that nobody listens to
}

func stockConserved(orders []*order, moved stockMoves, e evidence) Invariant {
	i := Invariant{Name: "stock is conserved"}
	if i.unasked(e, "stock") {
		return i
	}
	var available, held int64
	open := slices.ContainsFunc(orders, func(o *order) bool { return o.phase != settled })
	for _, l := range e.stock {
		available, held = available+l.Available, held+l.Held
		if l.Available+l.Held != l.Initial {
			i.broken("%s: %d available + %d held, but %d in all", l.SKU, l.Available, l.Held, l.Initial)
		}
		if !open && l.Held != moved[l.SKU] {
			i.broken("%s: %d held, but by the events it should be %d", l.SKU, l.Held, moved[l.SKU])
		}
	}
	i.Detail = fmt.Sprintf("%s sold or held, %s left", thousands(held), thousands(available))
	return i
}

func moneyRight(orders []*order, e evidence) Invariant {
	i := Invariant{Name: "captured − refunded = shipped"}
	if i.unasked(e, "captures") {
		return i
	}
	type account struct {
		captures           int
		captured, refunded int64
		parcels            int
	}
	accounts := make(map[string]*account, len(orders))
	for _, o := range orders {
		accounts[o.id] = &account{}
	}
	for _, c := range e.captures {
		if a, ok := accounts[c.Reference]; ok {
			a.captures++
			a.captured += c.Amount
			a.refunded += c.Refunded
		}
	}
	for _, p := range e.parcels {
		if a, ok := accounts[p.Reference]; ok {
			a.parcels++
		}
	}
	var captured, refunded, worth, pending int64
	for _, o := range orders {
		a := accounts[o.id]
		captured, refunded = captured+a.captured, refunded+a.refunded
		if endedWell(o.counts) {
			worth += o.amount
		}
		if o.phase != settled {
			pending += a.captured - a.refunded
			if endedWell(o.counts) {
				pending -= o.amount
			}
			continue
		}
		due, parcels := int64(0), 0
		if endedWell(o.counts) {
			due, parcels = o.amount, 1
		}
		if a.captured-a.refunded != due {
			i.broken("order %s: %s of %s in all, %s refunded; %s is due", o.id, plural(a.captures, "capture"), money(a.captured), money(a.refunded), money(due))
		} else if a.captures > 1 {
			i.broken("order %s was charged %d times", o.id, a.captures)
		}
		if a.parcels != parcels {
			i.broken("order %s: the carrier took %s, %d due", o.id, plural(a.parcels, "parcel"), parcels)
		}
	}
	i.Detail = fmt.Sprintf("%s − %s = %s EUR", money(captured), money(refunded), money(worth))
	if pending != 0 {
		i.Detail = fmt.Sprintf("%s − %s = %s EUR, and %s of orders that did not end", money(captured), money(refunded), money(worth), money(pending))
	}
	return i
}

func oneClass(orders []*order) Invariant {
	i := Invariant{Name: "one class of outcome an order"}
	well, badly := 0, 0
	for _, o := range orders {
		good, bad := endedWell(o.counts), endedBadly(o.counts)
		switch {
		case good && bad:
			i.broken("order %s ended well and badly: %s", o.id, namesOf(o.counts, outcomes()...))
		case good:
			well++
		case bad:
			badly++
		}
	}
	i.Detail = fmt.Sprintf("%s completed, %s failed cleanly", thousands(int64(well)), thousands(int64(badly)))
	return i
}

func oneMailAChange(rules []reaction, orders []*order, e evidence) Invariant {
	i := Invariant{Name: "one mail a change"}
	mails, changes := 0, 0
	for _, r := range rules {
		if !r.side {
			continue
		}
		for _, o := range orders {
			due, said, sent := r.due(o.counts), o.counts.sum(r.emits), e.mails.to[o.seq]
			mails, changes = mails+said, changes+due
			if o.phase != settled {
				continue
			}
			if said != due {
				i.broken("order %s: %d mails for %d changes", o.id, said, due)
			}
			if o.seq > 0 && sent != said {
				i.broken("order %s: %d mails were sent, and %d said to be", o.id, sent, said)
			}
		}
	}
	i.Detail = fmt.Sprintf("%s mails for %s changes", thousands(int64(mails)), thousands(int64(changes)))
	if e.mails.copies > 0 {
		// A mail server that answers too late is sent the same mail again, which
		// its Message-ID tells.
		i.Detail += fmt.Sprintf(", and %d copies of them", e.mails.copies)
	}
	return i
}

func nothingLeftOver(f failures, e evidence) Invariant {
	i := Invariant{Name: "nothing parked, unrouted or lost"}
	if f.halted > 0 {
		i.Name = "nothing else parked or lost"
		i.Detail = fmt.Sprintf("%d parked by faults", f.halted)
	}
	i.Broken = append(i.Broken, f.parked...)
	for _, t := range slices.Sorted(maps.Keys(f.strays)) {
		i.broken("%d× %q was emitted, which no service listens to", f.strays[t], t)
	}
	if e.lost > 0 {
		i.broken("the broker set %d messages aside as lost", e.lost)
	}
	i.unasked(e, "lost")
	return i
}

func sameInAPI(orders []*order, e evidence) Invariant {
	i := Invariant{Name: "the order API says the same"}
	if i.unasked(e, "statuses") {
		return i
	}
	n := 0
	for _, o := range orders {
		if o.phase != settled {
			continue
		}
		n++
		if got, want := e.statuses[o.id], statusOf(o.counts); got != want {
			i.broken("order %s is %s, the API says %q", o.id, want, got)
		}
	}
	i.Detail = plural(n, "order")
	return i
}

// statusOf is the status that the order API must show of an order that is over.
func statusOf(c counts) string {
	switch {
	case endedWell(c) && endedBadly(c):
		return "inconsistent"
	case c.has(shipped):
		return "shipped"
	case c.has(deliveryFailed):
		return "failed"
	case c.has(canceled):
		return "canceled"
	default:
		return "rejected"
	}
}

// unasked breaks the invariant if a question that it needs got no answer.
func (i *Invariant) unasked(e evidence, question string) bool {
	err, missing := e.unasked[question]
	if missing {
		i.broken("can't be told: %v", err)
	}
	return missing
}

func (i *Invariant) broken(format string, args ...any) {
	i.Broken = append(i.Broken, fmt.Sprintf(format, args...))
}

// money writes an amount in minor units.
func money(minor int64) string {
	sign := ""
	if minor < 0 {
		sign, minor = "-", -minor
	}
	return fmt.Sprintf("%s%s.%02d", sign, thousands(minor/100), minor%100)
}

// thousands writes a number with separators.
func thousands(n int64) string {
	digits := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, digits = "-", digits[1:]
	}
	var groups []string
	for len(digits) > 3 {
		groups = append([]string{digits[len(digits)-3:]}, groups...)
		digits = digits[:len(digits)-3]
	}
	return sign + strings.Join(append([]string{digits}, groups...), ",")
}
