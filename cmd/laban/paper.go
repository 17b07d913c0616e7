package main

import (
	"io"
	"os"
	"strings"
	"time"
	"unicode/utf8"
)

// paperOf returns what is known of an output.
func paperOf(w io.Writer) paper {
	p := paper{now: time.Now(), location: time.Local}
	if size, ok := terminal(w); ok {
		p.width, _ = size()
		p.colours = os.Getenv("NO_COLOR") == ""
	}
	return p
}

// The colours, of which none says anything that the text does not.
const (
	red    = "31"
	green  = "32"
	yellow = "33"
	dim    = "2"
)

// paint colours a text.
func (p paper) paint(colour, text string) string {
	if !p.colours || colour == "" {
		return text
	}
	return "\x1b[" + colour + "m" + text + "\x1b[0m"
}

// statusColour is the colour of a status.
func statusColour(status string) string {
	switch status {
	case "stalled", "inconsistent", "failed":
		return red
	case "completed":
		return green
	case "compensating", "unknown":
		return yellow
	default:
		return ""
	}
}

// clock is a time of day, with the date where it is not today's.
func (p paper) clock(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	at = at.In(p.location)
	if at.Format(time.DateOnly) == p.now.In(p.location).Format(time.DateOnly) {
		return at.Format(time.TimeOnly)
	}
	return at.Format(time.DateTime)
}

// cut shortens a text to so many characters.
func cut(text string, n int) string {
	if utf8.RuneCountInString(text) <= n {
		return text
	}
	if n < 1 {
		return ""
	}
	return string([]rune(text)[:n-1]) + "…"
}

// wrap breaks a text into lines of so many characters, at spaces where it can.
func wrap(text string, width int) []string {
	if width < 1 {
		return []string{text}
	}
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) <= width {
			line += " " + word
			continue
		}
		if line != "" {
			lines = append(lines, line)
		}
		for line = word; utf8.RuneCountInString(line) > width; {
			r := []rune(line)
			lines = append(lines, string(r[:width]))
			line = string(r[width:])
		}
	}
	return append(lines, line)
}
