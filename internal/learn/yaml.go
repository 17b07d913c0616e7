package learn

import (
	"fmt"
	"strings"
	"time"

	"github.com/laban-io/laban/pkg/choreography"
)

// write writes the contract with a comment on each part.
func (d *Draft) write() []byte {
	var b strings.Builder
	d.head(&b)
	next := 0
	for line := range strings.Lines(string(choreography.Marshal(d.Contract))) {
		switch {
		case strings.HasPrefix(line, "  - "):
			d.above(&b, next)
			next++
		case strings.HasPrefix(line, "outcomes:"):
			d.asks(&b, -1, "")
		case strings.HasPrefix(line, "reactions:") && len(d.Contract.Outcomes.Completed)+len(d.Contract.Outcomes.Failed) == 0:
			d.asks(&b, -1, "")
			b.WriteString("# outcomes: {completed: [], failed: []}   # nothing looked like one\n")
		}
		b.WriteString(line)
	}
	return []byte(b.String())
}

// head says what the draft was made of.
func (d *Draft) head(b *strings.Builder) {
	fmt.Fprintf(b, "# A draft by laban learn, from %d flows in %d records.\n", d.Learned, d.Log.Records)
	for _, left := range []struct {
		n    int
		what string
	}{
		{d.Unfinished, "may go on after the end of the log"},
		{d.WithoutStart, "began before the log does"},
		{d.Oversized, "have too many events"},
	} {
		if left.n > 0 {
			fmt.Fprintf(b, "# Not learned from: %d flows that %s.\n", left.n, left.what)
		}
	}
	if d.OneIn > 0 {
		fmt.Fprintf(b, "# Learned from one flow in %d, evenly chosen, since there are so many (laban learn --keep).\n", d.OneIn)
	}
	b.WriteString("# Who only listens can't be seen in a log, and is not here.\n")
	if n := len(d.Questions); n > 0 {
		fmt.Fprintf(b, "# Questions that the log can't answer: %d; look for ASK.\n", n)
	}
	b.WriteString("\n")
}

// above writes what is known of a reaction.
func (d *Draft) above(b *strings.Builder, i int) {
	r := &d.Reactions[i]
	b.WriteString("\n")
	if r.claim.kind == unprompted {
		fmt.Fprintf(b, "  # Unprompted, seen %s.\n", times(r.Met))
	} else {
		fmt.Fprintf(b, "  # %s: seen %d of %s%s.", title(r.Sure), r.Met, times(r.Expected), inferredBy(r))
		if r.Samples == 0 {
			b.WriteString(" The deadline is made up.\n")
		} else {
			fmt.Fprintf(b, " 99 %% of %d took at most %s.\n", r.Samples, rounded(time.Duration(r.P99)))
		}
	}
	if r.Surplus > 0 {
		fmt.Fprintf(b, "  # %d more came that this does not explain.\n", r.Surplus)
	}
	if r.claim.mixed {
		b.WriteString("  # Some of them came without a cause in the flow.\n")
	}
	d.asks(b, i, "  ")
}

// asks writes the questions about a reaction, or with -1 about the outcomes.
func (d *Draft) asks(b *strings.Builder, reaction int, indent string) {
	for _, q := range d.Questions {
		if q.reaction == reaction {
			fmt.Fprintf(b, "%s# ASK: %s The draft says %s", indent, capital(q.Text), q.Guess)
			if q.Note != "" {
				fmt.Fprintf(b, "; %s", q.Note)
			}
			b.WriteString(".\n")
		}
	}
}

func inferredBy(r *Reaction) string {
	if r.Inferred {
		return ", inferred from order and number"
	}
	return ""
}

func times(n int) string {
	if n == 1 {
		return "1 time"
	}
	return fmt.Sprintf("%d times", n)
}

// rounded is a time with as many digits as mean something.
func rounded(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return d.Round(10 * time.Microsecond).String()
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < time.Minute:
		return d.Round(100 * time.Millisecond).String()
	default:
		return short(d.Round(time.Second))
	}
}

func title(word string) string   { return capital(word) }
func capital(text string) string { return strings.ToUpper(text[:1]) + text[1:] }
