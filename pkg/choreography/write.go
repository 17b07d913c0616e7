package choreography

import (
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// maxLine is how long a reaction may be that is written in one line.
const maxLine = 140

// Marshal writes a choreography as a person would: reactions without a
// description in one line each, where they fit. [Parse] reads the same from it,
// except Text, Hash and positions. Comments of a file that c was read from are
// not kept. Marshal does not validate; parse what it returns to do so.
func Marshal(c *Choreography) []byte {
	w := &writer{}
	w.line("choreography: " + scalar(c.Name))
	if c.Description != "" {
		w.line("description: " + scalar(c.Description))
	}
	w.line("starts: " + list(c.Starts))
	if len(c.Outcomes.Completed)+len(c.Outcomes.Failed) > 0 {
		w.line("outcomes:")
		if len(c.Outcomes.Completed) > 0 {
			w.line("  completed: " + list(c.Outcomes.Completed))
		}
		if len(c.Outcomes.Failed) > 0 {
			w.line("  failed: " + list(c.Outcomes.Failed))
		}
	}
	if c.Idle > 0 && c.Idle != longestWithin(c.Reactions) {
		w.line("idle: " + formatDuration(c.Idle))
	}
	if c.AbandonAfter > 0 {
		w.line("abandon_after: " + formatDuration(c.AbandonAfter))
	}
	w.line("reactions:")
	for i := range c.Reactions {
		w.reaction(&c.Reactions[i])
	}
	if len(c.Events) > 0 {
		w.line("events:")
		for _, t := range slices.Sorted(maps.Keys(c.Events)) {
			w.line("  " + scalar(t) + ": " + scalar(c.Events[t]))
		}
	}
	return []byte(w.text.String())
}

type writer struct{ text strings.Builder }

func (w *writer) line(s string) {
	w.text.WriteString(s)
	w.text.WriteByte('\n')
}

func (w *writer) reaction(r *Reaction) {
	fields := reactionFields(r)
	if line := "  - {" + strings.Join(fields, ", ") + "}"; r.Description == "" && len(line) <= maxLine {
		w.line(line)
		return
	}
	for i, f := range fields {
		if i == 0 {
			w.line("  - " + f)
		} else {
			w.line("    " + f)
		}
	}
}

// reactionFields returns the fields that r has, as "name: value".
func reactionFields(r *Reaction) (fields []string) {
	add := func(name, value string, set bool) {
		if set {
			fields = append(fields, name+": "+value)
		}
	}
	services := list(r.Services)
	if len(r.Services) == 1 {
		services = scalar(r.Services[0])
	}
	add("service", services, true)
	add("name", scalar(r.Name), r.Name != "")
	add("description", scalar(r.Description), r.Description != "")
	add("on", "{all: "+list(r.On.All)+"}", len(r.On.All) > 0)
	add("on", list(r.On.Any), len(r.On.All) == 0 && len(r.On.Any) > 0)
	add("if", list(r.If), len(r.If) > 0)
	add("unless", list(r.Unless), len(r.Unless) > 0)
	add("undoes", scalar(r.Undoes), r.Undoes != "")
	add("emits", list(r.Emits), len(r.Emits) > 0)
	add("within", formatDuration(r.Within), r.Within > 0)
	add("side", "true", r.Side)
	add("optional", "true", r.Optional)
	return fields
}

func list(texts []string) string {
	quoted := make([]string, len(texts))
	for i, t := range texts {
		quoted[i] = scalar(t)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

// scalar writes text plain where that is safe everywhere, in quotes otherwise.
func scalar(s string) string {
	if plainWords().MatchString(s) && !strings.HasSuffix(s, " ") && isText(s) {
		return s
	}
	return strconv.Quote(s)
}

// plainWords matches text without any character that means something to YAML.
func plainWords() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_./ -]*$`) }

// isText tells whether YAML takes the plain s for text: not for true, or a
// number, or a time.
func isText(s string) bool {
	n := yaml.Node{Kind: yaml.ScalarNode, Value: s}
	return n.ShortTag() == "!!str"
}
