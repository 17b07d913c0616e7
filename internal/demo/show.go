package demo

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// show tells what happens while the demo runs.
type show interface {
	// refresh is called every now and then.
	refresh(s snapshot, all []news) error
	// close ends it; what is printed then goes below. It may be called twice.
	close()
}

// How often each kind of show is refreshed.
const (
	frameEvery = 100 * time.Millisecond
	linesEvery = 50 * time.Millisecond
)

// liveShow draws the view that moves.
type liveShow struct{ screen *Screen }

func (l liveShow) refresh(s snapshot, _ []news) error {
	return l.screen.draw(func(width, height int) []line { return viewOf(s, width, height) })
}

func (l liveShow) close() { l.screen.leave() }

// lineShow prints a line for each order that has ended, and how far things are
// every 2 s.
type lineShow struct {
	out     io.Writer
	colours bool
	next    time.Time // of the line on progress
}

// progressEvery is the time between two lines on progress.
const progressEvery = 2 * time.Second

func (p *lineShow) refresh(s snapshot, all []news) error {
	var b strings.Builder
	for _, n := range all {
		b.WriteString(n.line(s.started).render(0, p.colours) + "\n")
	}
	if p.next.IsZero() {
		p.next = s.started.Add(progressEvery)
	}
	if !s.now.Before(p.next) {
		p.next = s.now.Add(progressEvery)
		b.WriteString(s.progressLine().render(0, p.colours) + "\n")
	}
	if b.Len() == 0 {
		return nil
	}
	_, err := io.WriteString(p.out, b.String())
	return err
}

func (*lineShow) close() {}

// stamp is the time since the start, for the beginning of a line.
func stamp(at, started time.Time) span {
	return span{fmt.Sprintf("%8.3fs  ", at.Sub(started).Seconds()), dim}
}

// line is the news as one line.
func (n news) line(started time.Time) line {
	l := line{stamp(n.at, started)}
	if n.stall != nil {
		return n.stall.line(l)
	}
	if n.order == nil {
		l.add("! "+n.text, redBold)
		return l
	}
	o := n.order
	l.add(shortID(o.id)+"  ", plainText)
	l.add(leftAlign(o.fate.String(), 14), fateStyle(o.fate))
	l.add(rightAlign(millis(o.took), 8)+"  ", plainText)
	var steps []string
	for _, k := range o.journey {
		steps = append(steps, k.short())
	}
	l.add(strings.Join(steps, " → "), plainText)
	if o.retries > 0 {
		l.add("  ("+retries(o.retries)+")", yellow)
	}
	if len(o.wrong) > 0 {
		l.add("  WRONG: "+strings.Join(o.wrong, "; "), redBold)
	}
	return l
}

// progressLine is how far things are.
func (s snapshot) progressLine() line {
	l := line{stamp(s.now, s.started)}
	of := thousands(int64(s.placed))
	if s.target > 0 {
		of += " of " + thousands(int64(s.target))
	}
	l.add(fmt.Sprintf("── %s placed, %s ended, ", of, thousands(int64(s.settled))), dim)
	if s.stuck > 0 {
		l.add(thousands(int64(s.stuck))+" stuck, ", yellow)
	}
	l.add(fmt.Sprintf("%s open, %.1f/s", thousands(int64(s.open)), s.rate), dim)
	if s.wrong > 0 {
		l.add(fmt.Sprintf(", %d WRONG", s.wrong), redBold)
	}
	return l
}
