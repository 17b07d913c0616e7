package demo

import (
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/laban-io/laban/internal/observer"
	contract "github.com/laban-io/laban/pkg/choreography"
	"github.com/laban-io/laban/pkg/flow"
)

// detections is what the observer has found. It is safe for concurrent use.
type detections struct {
	mu     sync.Mutex
	stalls map[hitKey]*detected
	order  []*detected
	ended  map[string]contract.Class // by the order's id
}

// detected is a stall that the observer has found.
type detected struct {
	hitKey
	causes []flow.Cause // the first, and what it was corrected to
	step   string
}

func newDetections() *detections {
	return &detections{stalls: make(map[hitKey]*detected), ended: make(map[string]contract.Class)}
}

// follow takes over what the observer finds, until it ends. told is called for
// each stall, cause and recovery.
func (d *detections) follow(found <-chan flow.Transition, told func(*flow.Transition)) {
	for t := range found {
		if d.apply(&t) {
			told(&t)
		}
	}
}

// apply notes a transition, and tells whether people should see it.
func (d *detections) apply(t *flow.Transition) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	key := hitKey{t.Key, t.Due.Service}
	switch t.Kind {
	case flow.Ended:
		d.ended[t.Key] = t.Class
		return false
	case flow.Overdue, flow.Reasoned:
		if t.Due.Side {
			return false
		}
		s := d.stalls[key]
		if s == nil {
			s = &detected{hitKey: key, step: t.Due.Step}
			d.stalls[key] = s
			d.order = append(d.order, s)
		}
		if slices.Contains(s.causes, t.Finding.Cause) {
			return t.Kind == flow.Overdue
		}
		s.causes = append(s.causes, t.Finding.Cause)
		return true
	case flow.Recovered:
		return !t.Due.Side
	default:
		return false
	}
}

// Detection says how one kind of fault was seen.
type Detection struct {
	FaultKind
	// Cause is what the observer has to name.
	Cause flow.Cause
	// Injected is how many orders were kept waiting for longer than the contract
	// allows; Detected is how many of them were found with the right owner and
	// cause, and Missed how many were not. Corrected is how many of those found
	// were given another cause at first.
	Injected, Detected, Missed, Corrected int
}

// Verdict is what the observer made of the faults.
type Verdict struct {
	Kinds []Detection
	// Missed says what was not found, or not with its cause, and False what was
	// found where no fault was.
	Missed, False []string
	// Stalls is how many there were in all, and Late how many of them were of
	// orders whose provider answers too late, which is no fault.
	Stalls, Late int
}

// OK tells whether all was found, and nothing else.
func (v *Verdict) OK() bool { return len(v.Missed) == 0 && len(v.False) == 0 }

// sureAfter is by how much an order must be kept waiting beyond its deadline for
// the observer to have to see it: the time between two pulses before and after.
const sureAfter = time.Second

// mustShow tells whether the order has to be found stalled.
func (h *hit) mustShow() bool {
	return h.kind.forGood() || h.over && h.held >= h.due+sureAfter || !h.over && (h.kind == Hang || h.kind == Fail)
}

// isYoung tells whether an observer may not know of it yet at a moment, if that
// is given: it waits for the deadline, and then looks for the cause.
func (h *hit) isYoung(now time.Time) bool {
	return !now.IsZero() && now.Sub(h.from) < h.due+causesLimit
}

// compare holds what was found against what was done, for the orders of this
// run: all of it, or what can be known now, where that is given. expected tells whether an order is one of them, and may be late without a
// fault; causeOf what can be seen of one.
func (d *detections) compare(now time.Time, hits []hit, expected func(hitKey) (mine, late bool), causeOf func(FaultKind) flow.Cause) *Verdict {
	d.mu.Lock()
	defer d.mu.Unlock()
	v := &Verdict{}
	byKind := make(map[FaultKind]*Detection)
	known := make(map[hitKey]bool)
	for i := range hits {
		h := &hits[i]
		known[h.hitKey] = true
		found := d.stalls[h.hitKey]
		cause := causeOf(h.kind)
		right := found != nil && (slices.Contains(found.causes, cause) || h.wentAway && slices.Contains(found.causes, flow.NoConsumer))
		if !right && !h.mustShow() {
			continue // too short to be a stall by itself; what came after it may have made it one
		}
		if !right && h.isYoung(now) {
			continue
		}
		row := byKind[h.kind]
		if row == nil {
			row = &Detection{FaultKind: h.kind, Cause: cause}
			byKind[h.kind] = row
		}
		row.Injected++
		switch {
		case found == nil:
			row.Missed++
			v.Missed = append(v.Missed, h.String()+" was not seen")
		case !right:
			row.Missed++
			v.Missed = append(v.Missed, h.String()+" was given the cause "+causesText(found.causes))
		default:
			row.Detected++
			if found.causes[0] != cause {
				row.Corrected++
			}
		}
	}
	for _, s := range d.order {
		mine, late := expected(s.hitKey)
		if !mine {
			continue
		}
		v.Stalls++
		if !known[s.hitKey] && late {
			v.Late++
		} else if !known[s.hitKey] {
			v.False = append(v.False, "order "+s.of+": "+s.service+" was said to owe "+s.step+" ("+causesText(s.causes)+")")
		}
	}
	for _, k := range FaultKinds() {
		if row := byKind[k]; row != nil {
			v.Kinds = append(v.Kinds, *row)
		}
	}
	return v
}

func causesText(causes []flow.Cause) string {
	var names []string
	for _, c := range causes {
		names = append(names, c.String())
	}
	return strings.Join(names, ", then ")
}

// class returns how the observer says that an order ended.
func (d *detections) class(order string) (contract.Class, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	c, ok := d.ended[order]
	return c, ok
}

// seesUnacked tells whether the observer can see what services have in hand.
// Without it a message that was dropped can't be told from one in hand.
func seesUnacked(s observer.Status) bool {
	return slices.ContainsFunc(s.Evidence, func(e observer.EvidenceStatus) bool {
		return e.Available && (e.Source == "management" || e.Source == "queues" && strings.Contains(e.Detail, "memory"))
	})
}
