package demo

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// The live view is a pure function of a snapshot and the size of the terminal.
// Its parts, from the top: what runs and where; how many orders; whose turn it
// is; the fates; what happened last, as far as there is room; what to press.
func viewOf(s snapshot, width, height int) []line {
	ls := []line{s.title(width), s.progress()}
	if s.pages != "" {
		ls = append(ls, s.invitation())
	}
	ls = append(ls, nil)
	ls = append(ls, s.pipeline()...)
	ls = append(ls, nil)
	ls = append(ls, s.fateLines(width)...)
	ls = append(ls, nil)
	room := height - len(ls) - 2 // the feed's heading, and the last line
	if room > 0 {
		ls = append(ls, text(" WHAT HAPPENS", dim))
		ls = append(ls, s.feedLines(width, room)...)
	}
	for len(ls) < height-1 {
		ls = append(ls, nil)
	}
	if height > 0 && len(ls) > height-1 {
		ls = ls[:height-1]
	}
	return append(ls, s.footer())
}

func (s snapshot) title(width int) line {
	l := line{{" laban demo", bold}, {"  five services, " + s.broker, dim}}
	if s.tracesTo != "" {
		l.add(", traced", dim)
	}
	api := "order API " + s.api + " "
	if l.width()+2+utf8.RuneCountInString(api) > width {
		l = l[:1] // the address is what people need
	}
	l.pad(max(width-utf8.RuneCountInString(api), l.width()+2))
	l.add(api, cyan)
	return l
}

// invitation says where to look at it with a browser.
func (s snapshot) invitation() line {
	l := line{{" open ", plainText}, {s.pages, cyan}, {" in a browser: where every order is", dim}}
	if s.stuck > 0 {
		l.add(", and why ", dim)
		l.add(plural(s.stuck, "order"), yellow)
		l.add(" got stuck", dim)
	}
	return l
}

func (s snapshot) progress() line {
	l := line{{" " + clock(s.now.Sub(s.started)), plainText}}
	if s.limited > 0 {
		l.add(fmt.Sprintf("  limited to %d open", s.limited), yellow)
	} else {
		l.add("  "+s.doing, dim)
	}
	l.pad(30)
	of := thousands(int64(s.placed))
	if s.target > 0 {
		of += " of " + thousands(int64(s.target))
	}
	l.add(of+" placed", plainText)
	l.add("  "+thousands(int64(s.settled))+" ended", bold)
	l.add("  "+thousands(int64(s.open))+" open", plainText)
	l.add(fmt.Sprintf("  %.1f/s", s.rate), plainText)
	if s.wrong > 0 {
		l.add("  "+thousands(int64(s.wrong))+" WRONG", redBold)
	}
	return l
}

// pipeline shows how many orders wait for whom.
func (s snapshot) pipeline() []line {
	var ended, back int
	for _, f := range s.fates {
		ended += f.settled
	}
	back = s.turns["undoing"]
	l := line{{" order", plainText}}
	at := func(n int) {
		st := dim
		if n > 0 {
			st = bold
		}
		l.add(" "+leftAlign(count(n), 4), st)
	}
	at(s.turns["order"])
	for _, service := range []string{"inventory", "payment", "delivery"} {
		l.add("─▶ ", dim)
		l.add(service, plainText)
		at(s.turns[service])
	}
	l.add("─▶ ", dim)
	l.add("ended ", plainText)
	l.add(thousands(int64(ended)), bold)

	below := line{{" ", plainText}}
	below.pad(14)
	below.add("undoing ", plainText)
	below.add(leftAlign(count(back), 5), boldIf(back > 0))
	below.add("mails sent ", plainText)
	below.add(leftAlign(count(s.mails), 7), boldIf(s.mails > 0))
	below.add("retries ", plainText)
	below.add(leftAlign(count(s.retries), 5), boldIf(s.retries > 0))
	if s.parked > 0 {
		below.add(fmt.Sprintf("parked %d", s.parked), redBold)
	}
	return []line{l, below}
}

func boldIf(b bool) style {
	if b {
		return bold
	}
	return dim
}

func (s snapshot) fateLines(width int) []line {
	ls := []line{text(" FATE              ended   open  wrong       p50       p95", dim)}
	most := 1
	for _, f := range s.fates {
		most = max(most, f.settled)
	}
	for _, f := range s.fates {
		l := line{{" ", plainText}, {leftAlign(f.fate.String(), 15), fateStyle(f.fate)}}
		l.add(rightAlign(count(f.settled), 8), bold)
		l.add(rightAlign(count(f.open), 7), boldIf(f.open > 0))
		l.add(rightAlign(count(f.wrong), 7), redIf(f.wrong > 0))
		for _, d := range [...]string{millis(f.q.p50), millis(f.q.p95)} {
			if f.settled == 0 {
				d = "·"
			}
			l.add(rightAlign(d, 10), plainText)
		}
		l.add("  ", plainText)
		l.add(bar(f.settled, most, width-l.width()-1), fateStyle(f.fate))
		ls = append(ls, l)
	}
	return ls
}

// fateStyle colours a fate: green for what goes well, yellow for what is undone.
func fateStyle(f Fate) style {
	switch f {
	case Approved, TimesOut:
		return green
	case Declined, OutOfStock, Undeliverable, Canceled:
		return yellow
	default:
		return cyan
	}
}

// bar draws n of most in a width, in eighths of a character. What is not 0 is
// not drawn as nothing.
func bar(n, most, width int) string {
	if width <= 0 || n <= 0 {
		return ""
	}
	eighths := max(n*width*8/most, 1)
	s := strings.Repeat("█", eighths/8)
	if rest := eighths % 8; rest > 0 {
		s += string([]rune(" ▏▎▍▌▋▊▉")[rest])
	}
	return s
}

// wideFeed is the width from which an entry names whole order ids.
const wideFeed = 112

func (s snapshot) feedLines(width, room int) []line {
	entries := s.feed
	if len(entries) > room {
		entries = entries[len(entries)-room:]
	}
	ls := make([]line, 0, len(entries))
	for _, e := range entries {
		ls = append(ls, e.line(width))
	}
	return ls
}

// line returns the entry: when, which order, who to whom, and what.
func (e entry) line(width int) line {
	id := shortID(e.order)
	if width >= wideFeed {
		id = e.order
	}
	l := line{{" " + e.at.Format("15:04:05.000"), dim}, {"  " + id + "  ", fateStyle(e.fate)}}
	switch e.kind {
	case entryRetry:
		l.add(leftAlign(e.what, 23), plainText)
		l.add(fmt.Sprintf("%s ↻ attempt %d next", e.from, e.attempt), yellow)
		l.add(": "+e.why, dim)
	case entryParked:
		l.add(leftAlign(e.what, 23), plainText)
		l.add(e.from+" parked it", redBold)
		l.add(": "+e.why, dim)
	case entryStalled:
		l.add("stalled: "+e.what, yellow)
		l.add("; "+e.why, dim)
	case entryRecovered:
		l.add("recovered: "+e.what, green)
	default:
		l.add(leftAlign(e.what, 23), bold)
		l.add(leftAlign(e.from, 9), plainText)
		l.add(" ─▶ ", dim)
		l.add(hearers(e.to, width-l.width()), redIf(len(e.to) == 0))
	}
	return l
}

// hearers names the services that hear an event, as many as there is room for.
func hearers(names []string, room int) string {
	if len(names) == 0 {
		return "nobody"
	}
	all := strings.Join(names, ", ")
	for n := len(names) - 1; n > 0 && utf8.RuneCountInString(all) > room; n-- {
		all = fmt.Sprintf("%s +%d", strings.Join(names[:n], ", "), len(names)-n)
	}
	return all
}

func (s snapshot) footer() line {
	l := text(" ctrl-C", bold)
	switch s.doing {
	case doingPlace:
		l.add(" stops placing, lets open orders end, and shows the report", dim)
	case doingWait:
		l.add(" gives open orders a few seconds, and shows the report", dim)
	case doingNothing:
		l.add(" shows the report", dim)
	default:
		l.add(" ends it at once, without a report", dim)
	}
	return l
}

// What the demo is doing.
const (
	doingPlace   = "placing orders"
	doingWait    = "waiting for the last"
	doingNothing = "all have ended"
	doingDrain   = "draining"
	doingCheck   = "checking"
)
