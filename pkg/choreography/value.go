package choreography

import (
	"time"
)

// value is a part of a document that reads itself from a file and knows what a
// JSON Schema says of it.
type value interface {
	read(d *decoder, n *node, what string)
	schema() object
}

// word is text with the place where it was read.
type word struct {
	text string
	pos  Position
}

// words is one word or a list of them.
type words []word

func (w words) texts() []string {
	if len(w) == 0 {
		return nil
	}
	texts := make([]string, len(w))
	for i, v := range w {
		texts[i] = v.text
	}
	return texts
}

func (w *words) read(d *decoder, n *node, what string) { *w = d.words(n, what) }

// services are words that name services.
type services struct{ words }

// label is one word.
type label struct{ word }

func (l *label) read(d *decoder, n *node, what string) { l.word, _ = d.word(n, what) }

// choreographyNameHint and durationHint say how to write one; editors say so, too.
const (
	choreographyNameHint = "use at most 64 letters, digits, dots, hyphens and underscores, beginning with a letter or digit"
	durationHint         = "write it like 250ms, 30s, 5m, 2h, 7d or 1d12h"
)

// nameText is the name of a choreography. It is part of flow ids, metrics and
// addresses.
type nameText struct{ word }

func (t *nameText) read(d *decoder, n *node, what string) {
	w, ok := d.word(n, what)
	if ok && !namePattern().MatchString(w.text) {
		d.fail(CodeBadValue, n, what+" is "+quote(w.text)+", which is no name",
			choreographyNameHint)
		return
	}
	t.word = w
}

// prose is text for people.
type prose string

func (p *prose) read(d *decoder, n *node, what string) { *p = prose(d.prose(n, what)) }

// span is a duration.
type span struct {
	d   time.Duration
	pos Position
}

func (s *span) read(d *decoder, n *node, what string) {
	s.pos = n.position()
	if !d.scalar(n, what, "a duration such as 30s, 5m or 7d") {
		return
	}
	length, err := parseDuration(n.Value)
	if err != nil {
		d.fail(CodeBadValue, n, what+" is "+quote(n.Value)+", "+err.Error(), durationHint)
		return
	}
	s.d = length
}

// truth is true or false.
type truth bool

func (f *truth) read(d *decoder, n *node, what string) {
	switch {
	case n.Kind == scalarNode && n.Tag == "!!bool" && n.Value == "true":
		*f = true
	case n.Kind == scalarNode && n.Tag == "!!bool" && n.Value == "false":
		*f = false
	default:
		d.fail(CodeBadValue, n, what+" is "+n.kind()+", not true or false", "write true, or leave it out")
	}
}

// joinForm is a join of all of some events.
type joinForm struct {
	All words `yaml:"all" need:"true" doc:"It is owed once all of these are there, again when all are there again."`
}

// join is what a reaction waits for.
type join struct {
	any, all words
	pos      Position
}

func (j *join) read(d *decoder, n *node, what string) {
	j.pos = n.position()
	if n.Kind != mappingNode {
		j.any = d.words(n, what)
		return
	}
	var form joinForm
	d.fields(n, &form, what)
	j.all = form.All
}

func (o *outcomesForm) read(d *decoder, n *node, what string) {
	o.pos = n.position()
	d.fields(n, o, what)
}

func (l *reactionList) read(d *decoder, n *node, what string) {
	if n.Kind != sequenceNode {
		d.fail(CodeBadValue, n, what+" is "+n.kind()+", not a list", "begin each reaction with a hyphen: - {service: payment, on: [stock.confirmed], …}")
		return
	}
	if len(n.Content) > MaxReactions {
		d.fail(CodeLimit, n, countOf(len(n.Content), "reaction")+", at most "+countOf(MaxReactions, "reaction")+" are allowed", "split the file into several choreographies")
		return
	}
	*l = make([]reactionForm, len(n.Content))
	for i, c := range n.Content {
		before := d.total
		r := &(*l)[i]
		item := (*node)(c)
		r.pos = item.position()
		d.fields(item, r, "the reaction")
		r.broken = d.total > before
	}
}

func (m *descriptions) read(d *decoder, n *node, what string) {
	d.pairs(n, what, func(key, value *node) {
		if w, ok := d.word(key, "an event type"); ok {
			*m = append(*m, description{w, d.prose(value, "the description of "+quote(w.text))})
		}
	})
}
