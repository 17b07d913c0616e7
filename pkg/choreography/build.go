package choreography

import "time"

// source is where things are in the file of a choreography.
type source struct {
	file string
	at   map[mention]Position
}

// mention is an event type, or a field of its own, in a place of a file.
type mention struct {
	field    string // as the file calls it
	reaction int    // its index, or -1
	text     string
}

// find returns where something is, or where the reaction begins.
func (c *Choreography) find(field string, reaction int, text string) Position {
	if c.source != nil {
		if pos, ok := c.source.at[mention{field, reaction, text}]; ok {
			return pos
		}
	}
	if reaction >= 0 && reaction < len(c.Reactions) {
		return c.Reactions[reaction].Pos
	}
	return Position{}
}

// file returns the name of the file, or "".
func (c *Choreography) file() string {
	if c.source == nil {
		return ""
	}
	return c.source.file
}

func (s *source) words(field string, reaction int, list words) []string {
	for _, w := range list {
		s.at[mention{field, reaction, w.text}] = w.pos
	}
	return list.texts()
}

func (s *source) field(field string, reaction int, pos Position) {
	if pos.Line > 0 {
		s.at[mention{field, reaction, ""}] = pos
	}
}

// build makes a choreography of a document.
func (doc *document) build(file string) *Choreography {
	s := &source{file: file, at: make(map[mention]Position)}
	c := &Choreography{
		Name:        doc.Choreography.text,
		Description: string(doc.Description),
		Starts:      s.words("starts", -1, doc.Starts),
		Outcomes: Outcomes{
			Completed: s.words("completed", -1, doc.Outcomes.Completed),
			Failed:    s.words("failed", -1, doc.Outcomes.Failed),
		},
		Idle:         doc.Idle.d,
		AbandonAfter: doc.AbandonAfter.d,
		source:       s,
	}
	s.field("choreography", -1, doc.Choreography.pos)
	s.field("outcomes", -1, doc.Outcomes.pos)
	s.field("abandon_after", -1, doc.AbandonAfter.pos)
	for i := range doc.Reactions {
		c.Reactions = append(c.Reactions, doc.Reactions[i].build(s, i))
	}
	if c.Idle == 0 {
		c.Idle = longestWithin(c.Reactions)
	}
	for _, d := range doc.Events {
		if c.Events == nil {
			c.Events = make(map[string]string, len(doc.Events))
		}
		s.at[mention{"events", -1, d.event.text}] = d.event.pos
		c.Events[d.event.text] = d.text
	}
	return c
}

// longestWithin is the default of Idle.
func longestWithin(reactions []Reaction) (longest time.Duration) {
	for _, r := range reactions {
		longest = max(longest, r.Within)
	}
	if longest == 0 {
		return DefaultIdle
	}
	return longest
}

func (f *reactionForm) build(s *source, i int) Reaction {
	r := Reaction{
		Name:        f.Name.text,
		Description: string(f.Description),
		Services:    s.words("service", i, f.Service.words),
		On:          Trigger{Any: s.words("on", i, f.On.any), All: s.words("on", i, f.On.all)},
		If:          s.words("if", i, f.If),
		Unless:      s.words("unless", i, f.Unless),
		Undoes:      f.Undoes.text,
		Emits:       s.words("emits", i, f.Emits),
		Within:      f.Within.d,
		Side:        bool(f.Side),
		Optional:    bool(f.Optional),
		Pos:         f.pos,
	}
	s.field("name", i, f.Name.pos)
	s.field("within", i, f.Within.pos)
	s.field("undoes", i, f.Undoes.pos)
	if f.Undoes.text != "" {
		s.at[mention{"undoes", i, f.Undoes.text}] = f.Undoes.pos
	}
	return r
}
