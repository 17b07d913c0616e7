package demo

import (
	"fmt"
	"slices"
)

// watched adds what the observer made of the run.
func (r *Report) watched(v *Verdict, unlike []string, faults bool) {
	i := Invariant{Name: "the observer says the same", Detail: plural(r.Ended, "flow") + " ended", Broken: unlike}
	if v.Stalls > 0 {
		i.Detail += ", " + plural(v.Stalls, "stall")
	}
	r.Invariants = append(r.Invariants, i)
	if faults {
		r.Watch = v
	}
}

// lines has a row for each kind of fault. It is as wide as the table of fates.
func (v *Verdict) lines() []line {
	ls := []line{text("  fault       cause          injected  detected    missed     false", dim)}
	injected, detected, corrected := 0, 0, 0
	for _, k := range v.Kinds {
		injected, detected, corrected = injected+k.Injected, detected+k.Detected, corrected+k.Corrected
		l := line{{"  " + leftAlign(k.String(), 12), plainText}, {leftAlign(k.Cause.String(), 13), plainText}}
		l.add(rightAlign(count(k.Injected), 10), bold)
		l.add(rightAlign(count(k.Detected), 10), plainText)
		l.add(rightAlign(count(k.Missed), 10), redIf(k.Missed > 0))
		l.add(rightAlign("·", 10), dim)
		ls = append(ls, l)
	}
	l := line{{"  " + leftAlign("in all", 25), plainText}}
	l.add(rightAlign(count(injected), 10), bold)
	l.add(rightAlign(count(detected), 10), plainText)
	l.add(rightAlign(count(len(v.Missed)), 10), redIf(len(v.Missed) > 0))
	l.add(rightAlign(count(len(v.False)), 10), redIf(len(v.False) > 0))
	ls = append(ls, l)
	if v.Late > 0 {
		ls = append(ls, text(fmt.Sprintf("    besides, %d waited for a payment provider that answers too late, as their fate has it", v.Late), dim))
	}
	if corrected > 0 {
		ls = append(ls, text(fmt.Sprintf("    of %d the cause was corrected after the first look", corrected), dim))
	}
	for n, what := range slices.Concat(v.Missed, v.False) {
		if n == maxFaults {
			ls = append(ls, text("      …", dim))
			break
		}
		ls = append(ls, line{{"  ✗ ", redBold}, {what, plainText}})
	}
	return ls
}

func (v *Verdict) failure() string {
	return fmt.Sprintf("the observer missed %s, and named %d where no fault was", plural(len(v.Missed), "stall"), len(v.False))
}
