package demo

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// style is how text looks where colours are allowed. It never carries a meaning
// that the text lacks.
type style string

// The styles, as SGR parameters (ECMA-48, 8.3.117).
const (
	plainText style = ""
	bold      style = "1"
	dim       style = "2"
	red       style = "31"
	green     style = "32"
	yellow    style = "33"
	cyan      style = "36"
	redBold   style = "1;31"
	greenBold style = "1;32"
)

// span is text in one style.
type span struct {
	text  string
	style style
}

// line is one line of output, without its end.
type line []span

// text returns a line of one style.
func text(s string, st style) line { return line{{s, st}} }

// add appends text.
func (l *line) add(s string, st style) { *l = append(*l, span{s, st}) }

// pad appends spaces up to a column.
func (l *line) pad(column int) {
	if n := column - l.width(); n > 0 {
		l.add(strings.Repeat(" ", n), plainText)
	}
}

// width is how many columns the line takes. Every character that the demo
// prints itself takes one.
func (l line) width() int {
	n := 0
	for _, s := range l {
		n += utf8.RuneCountInString(s.text)
	}
	return n
}

// render returns the line as it is sent to a terminal, cut to a width (0 means
// not cut). Control characters, which an error text may have, are left out.
func (l line) render(width int, colours bool) string {
	var b strings.Builder
	left := width
	for i, s := range l {
		t := printable(s.text)
		if width > 0 {
			rest := 0
			for _, later := range l[i+1:] {
				rest += utf8.RuneCountInString(later.text)
			}
			t = clip(t, left, rest > 0)
			left -= utf8.RuneCountInString(t)
		}
		if t == "" {
			continue
		}
		if colours && s.style != plainText {
			b.WriteString("\x1b[" + string(s.style) + "m" + t + "\x1b[0m")
		} else {
			b.WriteString(t)
		}
	}
	return strings.TrimRight(b.String(), " ")
}

// clip cuts s to n characters; the last one of them is then an ellipsis. If more
// follows, a text that just fits is cut, too.
func clip(s string, n int, more bool) string {
	if n <= 0 {
		return ""
	}
	length := utf8.RuneCountInString(s)
	if length < n || length == n && !more {
		return s
	}
	return string([]rune(s)[:n-1]) + "…"
}

// printable leaves out what could move the cursor.
func printable(s string) string {
	if strings.IndexFunc(s, unicode.IsControl) < 0 {
		return s
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s)
}

// rightAlign puts s at the right of a column of n characters.
func rightAlign(s string, n int) string {
	return strings.Repeat(" ", max(n-utf8.RuneCountInString(s), 0)) + s
}

// leftAlign puts s at the left of a column of n characters.
func leftAlign(s string, n int) string {
	return s + strings.Repeat(" ", max(n-utf8.RuneCountInString(s), 0))
}
