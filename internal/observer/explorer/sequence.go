package explorer

import (
	"math"
	"slices"
	"unicode/utf8"
)

// sequence is a diagram of which service told which of what.
type sequence struct {
	Width, Height, Bottom float64
	Lanes                 []lane
	Messages              []message
	Notes                 []note
}

// lane is a service.
type lane struct {
	Name, Full string
	X          float64
}

// message is an event that a service reacted to.
type message struct {
	From, To, Y, Label float64 // From and To are the lanes' places
	Text, Full, Class  string
	Loop               bool
}

// note is what a service emitted that nobody reacted to, or did not emit.
type note struct {
	X, Y              float64
	Text, Full, Class string
	Left              bool // the text is on the left
}

// Measures of a sequence diagram.
const (
	laneWidth  = 158.0
	laneTop    = 46.0
	rowHeight  = 30.0
	charWidth  = 6.7
	maxLanes   = 24
	otherLanes = "others"
)

func sequenceOf(b *journeyBody) sequence {
	var names []string
	add := func(name string) {
		if !slices.Contains(names, name) && len(names) < maxLanes {
			names = append(names, name)
		}
	}
	for i := range b.Steps {
		add(b.Steps[i].Owner)
	}
	for i := range b.Missing {
		add(owner(b.Missing[i].Service))
	}
	if len(names) == maxLanes {
		names[maxLanes-1] = otherLanes
	}
	at := func(name string) float64 {
		i := slices.Index(names, name)
		if i < 0 {
			i = len(names) - 1
		}
		return laneWidth * (float64(i) + 0.5)
	}
	s := sequence{Width: laneWidth * float64(max(len(names), 2))}
	for _, n := range names {
		s.Lanes = append(s.Lanes, lane{Name: short(n, laneWidth-10), Full: n, X: at(n)})
	}
	y := laneTop
	index := map[int]*step{}
	caused := map[int]bool{}
	for i := range b.Steps {
		index[b.Steps[i].Number] = &b.Steps[i]
		caused[b.Steps[i].Cause] = true
	}
	arrow := func(from, to float64, text, class string) {
		y += rowHeight
		s.Messages = append(s.Messages, messageOf(from, to, y, text, class))
	}
	say := func(x float64, text, class string) {
		y += rowHeight * 0.8
		s.Notes = append(s.Notes, note{X: x, Y: y, Text: short(text, max(s.Width-x, x)-16), Full: text, Class: class, Left: x > s.Width/2})
	}
	for i := range b.Steps {
		e := &b.Steps[i]
		class := ""
		switch {
		case e.Side:
			class = "side"
		case e.Undoes > 0:
			class = "undo"
		case e.Critical:
			class = "critical"
		}
		if cause := index[e.Cause]; cause != nil && cause != e {
			arrow(at(cause.Owner), at(e.Owner), cause.Type, class)
		}
		if !caused[e.Number] || e.Cause == 0 {
			if e.Class != "" {
				class = e.Class
			}
			say(at(e.Owner), e.Type, class)
		}
	}
	for i := range b.Missing {
		m := &b.Missing[i]
		if t := index[m.Trigger]; t != nil {
			arrow(at(t.Owner), at(owner(m.Service)), t.Type, "")
		}
		say(at(owner(m.Service)), "missing: "+alternatives(m.For), "missing")
	}
	s.Bottom = y + rowHeight*0.6
	s.Height = s.Bottom + 12
	return s
}

func messageOf(from, to, y float64, text, class string) message {
	m := message{From: from, To: to, Y: y, Full: text, Class: class, Loop: from == to}
	if m.Loop {
		m.Label, m.Text = from+22, short(text, laneWidth-30)
		return m
	}
	m.Text = short(text, math.Abs(to-from)-18)
	m.Label = (from + to) / 2
	return m
}

// Points is the head of an arrow.
func (m message) Points() []float64 {
	back := -7.0
	if m.To < m.From {
		back = 7
	}
	return []float64{m.To, m.Y, m.To + back, m.Y - 4, m.To + back, m.Y + 4}
}

// Over is where the text stands.
func (m message) Over() float64 { return m.Y - 5 }

// short cuts a text to a width.
func short(text string, width float64) string {
	most := max(int(width/charWidth), 4)
	text = plain(text)
	if utf8.RuneCountInString(text) <= most {
		return text
	}
	return string([]rune(text)[:most-1]) + "…"
}

// Left is where a lane's box begins.
func (l lane) Left() float64 { return l.X - 69 }

// TextX and TextY are where a note's text stands.
func (n note) TextX() float64 {
	if n.Left {
		return n.X - 9
	}
	return n.X + 9
}

// TextY is beside the dot.
func (n note) TextY() float64 { return n.Y + 4 }
