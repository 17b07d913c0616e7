package main

import (
	"context"
	"fmt"
	"io"
	"time"
)

// progress tells how far some work is, where it takes long.
type progress struct {
	out  io.Writer
	next time.Time
}

func newProgress(out io.Writer) *progress {
	return &progress{out: out, next: time.Now().Add(progressAfter)}
}

// tell writes a line, unless it did within the last seconds.
func (p *progress) tell(format string, args ...any) {
	if now := time.Now(); now.After(p.next) {
		p.next = now.Add(progressAfter)
		fmt.Fprintf(p.out, format+"\n", args...)
	}
}

// working tells how much has been learned, and ends learning with ctx.
func working(ctx context.Context, out io.Writer) func(done, of int) error {
	p := newProgress(out)
	return func(done, of int) error {
		p.tell("working out who reacts to what: %d %%", 100*done/of)
		return ctx.Err()
	}
}
