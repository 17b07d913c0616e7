package parked

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// maxSummary bounds the part of an error that tells mistakes apart, in bytes.
const maxSummary = 160

// Fingerprint is what messages that failed alike have in common.
type Fingerprint struct {
	Kind    Kind   `json:"kind"`
	Service string `json:"service,omitempty"`
	Type    string `json:"type"`
	// Error is the first line of the error, with # for each digit.
	Error string `json:"error,omitempty"`
}

// Fingerprint returns that of m.
func (m *Message) Fingerprint() Fingerprint {
	return Fingerprint{m.Kind, m.Service, m.Type, Mistake(m.Error)}
}

// Mistake is an error without what differs from one message to the next: its
// first line, cut, with numbers left out.
func Mistake(text string) string {
	text, _, _ = strings.Cut(text, "\n")
	text = strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return '#'
		}
		return r
	}, text)
	return strings.ToValidUTF8(text[:min(len(text), maxSummary)], "")
}

// Group are messages that failed alike.
type Group struct {
	Fingerprint
	Count int `json:"count"`
	// First and Last are when the first and the last were set aside.
	First time.Time `json:"first,omitzero"`
	Last  time.Time `json:"last,omitzero"`
	// Example is the last of them, whole.
	Example Message `json:"example"`
}

// groups collects messages in the order of the log.
type groups struct {
	index map[Fingerprint]int
	all   []Group
}

func (g *groups) add(m *Message) {
	f := m.Fingerprint()
	n, known := g.index[f]
	if !known {
		if g.index == nil {
			g.index = map[Fingerprint]int{}
		}
		n = len(g.all)
		g.index[f] = n
		g.all = append(g.all, Group{Fingerprint: f, First: m.When()})
	}
	to := &g.all[n]
	to.Count++
	when := m.When()
	if when.Before(to.First) {
		to.First = when
	}
	if !when.Before(to.Last) {
		to.Last = when
	}
	to.Example = *m
}

// sorted returns the groups, the largest first.
func (g *groups) sorted() []Group {
	all := slices.Clone(g.all)
	slices.SortStableFunc(all, func(a, b Group) int { return cmp.Compare(b.Count, a.Count) })
	return all
}
