package demo

import (
	"fmt"
	"strconv"
)

// lines returns the report as it is printed. tracesTo is where traces went, or
// empty.
func (r *Report) lines(tracesTo string) []line {
	var ls []line
	ls = append(ls, r.fateTable()...)
	if r.Watch != nil {
		ls = append(ls, nil)
		ls = append(ls, r.Watch.lines()...)
	}
	ls = append(ls, nil, r.figures(), nil)
	for _, i := range r.Invariants {
		ls = append(ls, i.lines()...)
	}
	if len(r.Traces) > 0 && tracesTo != "" {
		ls = append(ls, nil, text("  traces are at "+tracesTo+"; an order of each fate, and its trace:", bold))
		for _, t := range r.Traces {
			ls = append(ls, text(fmt.Sprintf("  %-13s  %s  %s", t.Fate, t.OrderID, t.TraceID), plainText))
		}
	}
	if len(r.Faults) > 0 {
		ls = append(ls, nil)
		for _, f := range r.Faults {
			ls = append(ls, line{{"  ✗ ", redBold}, {f, plainText}})
		}
		if r.MoreFaults > 0 {
			ls = append(ls, text(fmt.Sprintf("  … and %s more", thousands(int64(r.MoreFaults))), dim))
		}
	}
	return append(ls, nil, r.conclusion())
}

// fateTable has a row for each fate. It is 78 columns wide.
func (r *Report) fateTable() []line {
	const head = "  fate              orders    right    wrong     open      p50      p95      p99"
	ls := []line{text(head, dim)}
	for _, f := range r.Fates {
		l := line{{"  " + leftAlign(f.String(), 15), plainText}}
		l.add(rightAlign(thousands(int64(f.Orders)), 9), bold)
		l.add(rightAlign(count(f.Right), 9), plainText)
		l.add(rightAlign(count(f.Wrong), 9), redIf(f.Wrong > 0))
		l.add(rightAlign(count(f.Open), 9), redIf(f.Open > 0))
		for _, d := range [...]string{millis(f.P50), millis(f.P95), millis(f.P99)} {
			if f.Right+f.Wrong == 0 {
				d = "·"
			}
			l.add(rightAlign(d, 9), plainText)
		}
		ls = append(ls, l)
		if f.Note != "" {
			ls = append(ls, text("    "+f.Note, dim))
		}
	}
	return ls
}

// figures are those of the whole run.
func (r *Report) figures() line {
	l := line{{"  ", plainText}}
	if r.Ended == 0 {
		l.add("no order has ended", bold)
	} else {
		l.add(plural(r.Ended, "order"), bold)
		l.add(" in "+seconds(r.Took)+", ", plainText)
		l.add(fmt.Sprintf("%.1f orders/s", r.Throughput()), bold)
	}
	l.add(", "+plural(r.Events, "event"), plainText)
	if r.Retries > 0 {
		l.add(", "+retries(r.Retries), plainText)
	}
	if r.PeakMemory > 0 {
		l.add(", peak memory "+bytesText(r.PeakMemory), plainText)
	}
	return l
}

// lines returns the invariant with what speaks against it, the first few.
func (i Invariant) lines() []line {
	if len(i.Broken) == 0 {
		return []line{{{"  ✓ ", green}, {leftAlign(i.Name, 33), plainText}, {i.Detail, dim}}}
	}
	ls := []line{{{"  ✗ ", redBold}, {leftAlign(i.Name, 33), redBold}, {i.Detail, dim}}}
	for n, b := range i.Broken {
		if n == maxFaults {
			ls = append(ls, text(fmt.Sprintf("      … and %s more", thousands(int64(len(i.Broken)-n))), dim))
			break
		}
		ls = append(ls, text("      "+b, plainText))
	}
	return ls
}

func (r *Report) conclusion() line {
	if r.Orders == 0 {
		return text("  no order was placed", bold)
	}
	if r.OK() {
		what := "every order ended as it should, and every invariant holds"
		if r.Orders == 1 {
			what = "the order ended as it should, and every invariant holds"
		}
		if r.Watch != nil {
			what = fmt.Sprintf("every order ended as it should, or stopped where a fault stopped it (%d); every stall was named right", r.Stopped)
		}
		return text("  ✓ "+what, greenBold)
	}
	return text("  ✗ "+r.Failure(), redBold)
}

// Failure says in one sentence what is wrong; it is empty if nothing is.
func (r *Report) Failure() string {
	broken := 0
	for _, i := range r.Invariants {
		if len(i.Broken) > 0 {
			broken++
		}
	}
	bad := r.Orders - r.Right - r.Stopped
	if r.Watch != nil && !r.Watch.OK() {
		return r.Watch.failure()
	}
	switch {
	case bad > 0 && broken > 0:
		return fmt.Sprintf("%s of %s did not end right, and %s broken", thousands(int64(bad)), plural(r.Orders, "order"), areInvariants(broken))
	case bad > 0:
		return fmt.Sprintf("%s of %s did not end right", thousands(int64(bad)), plural(r.Orders, "order"))
	case broken > 0:
		return areInvariants(broken) + " broken"
	default:
		return ""
	}
}

func areInvariants(n int) string {
	if n == 1 {
		return "1 invariant is"
	}
	return fmt.Sprintf("%d invariants are", n)
}

// count writes a number for a column in which 0 is the usual one.
func count(n int) string {
	if n == 0 {
		return "·"
	}
	return strconv.Itoa(n)
}

func retries(n int) string {
	if n == 1 {
		return "1 retry"
	}
	return thousands(int64(n)) + " retries"
}

func redIf(bad bool) style {
	if bad {
		return redBold
	}
	return dim
}
