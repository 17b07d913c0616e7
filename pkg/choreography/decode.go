package choreography

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/laban-io/laban/internal/topic"
)

// node is a part of a YAML document.
type node yaml.Node

const (
	scalarNode   = yaml.ScalarNode
	mappingNode  = yaml.MappingNode
	sequenceNode = yaml.SequenceNode
)

func (n *node) position() Position { return Position{n.Line, n.Column} }

// kind says what a node is, for errors.
func (n *node) kind() string {
	switch {
	case n.Kind == mappingNode:
		return "a mapping"
	case n.Kind == sequenceNode:
		return "a list"
	case n.Kind == yaml.AliasNode:
		return "an alias"
	case n.Tag == "!!null":
		return "empty"
	case n.Tag == "!!str":
		return quote(n.Value)
	case n.Tag == "!!int" || n.Tag == "!!float":
		return "the number " + clip(n.Value)
	case n.Tag == "!!bool":
		return "the truth value " + clip(n.Value)
	default:
		return clip(n.Value) + " with the tag " + clip(n.Tag)
	}
}

// decoder reads nodes into a document and notes all that is wrong.
type decoder struct {
	file     string
	problems Errors
	total    int // also those that were too many to keep
}

// maxProblems is how many problems of one file are reported.
const maxProblems = 100

func (d *decoder) fail(code Code, n *node, message, hint string) {
	d.failAt(code, n.position(), message, hint)
}

func (d *decoder) failAt(code Code, pos Position, message, hint string) {
	d.total++
	if len(d.problems) < maxProblems {
		d.problems = append(d.problems, Problem{Code: code, Severity: SeverityError, File: d.file, Pos: pos, Message: message, Hint: hint})
	}
}

// fields reads a mapping into a struct whose fields are values.
func (d *decoder) fields(n *node, into any, what string) {
	v := reflect.ValueOf(into).Elem()
	known := map[string]value{}
	var names []string
	for _, f := range formFields(v.Type()) {
		into, ok := v.FieldByIndex(f.Index).Addr().Interface().(value)
		if !ok {
			continue // every field is one; the schema's test sees to it
		}
		known[f.Tag.Get("yaml")] = into
		names = append(names, f.Tag.Get("yaml"))
	}
	seen := map[string]bool{}
	mapped := d.pairs(n, what, func(key, value *node) {
		field, ok := known[key.Value]
		if !ok {
			near, hint := meant(key.Value, names)
			d.fail(CodeUnknownField, key, what+" has no field "+quote(key.Value), hint)
			seen[near] = true // or it would be told as missing, too
			return
		}
		seen[key.Value] = true
		field.read(d, value, key.Value)
	})
	if !mapped {
		return
	}
	for _, f := range formFields(v.Type()) {
		if name := f.Tag.Get("yaml"); f.Tag.Get("need") != "" && !seen[name] {
			d.fail(CodeMissingField, n, what+" does not say "+quote(name), "add "+name+": …")
		}
	}
}

// formFields returns the fields of a form that are read from a file.
func formFields(t reflect.Type) (fields []reflect.StructField) {
	for f := range t.Fields() {
		if f.Tag.Get("yaml") != "" {
			fields = append(fields, f)
		}
	}
	return fields
}

// meant returns the field that an unknown one is most likely meant to be, or "",
// and the hint.
func meant(name string, names []string) (near, hint string) {
	if near, ok := nearName(name, names); ok {
		return near, "did you mean " + quote(near) + "?"
	}
	return "", "it may have " + strings.Join(names, ", ")
}

// pairs calls fn for each entry of a mapping, and tells whether it is one.
func (d *decoder) pairs(n *node, what string, fn func(key, value *node)) bool {
	if n.Kind != mappingNode {
		d.fail(CodeBadValue, n, what+" is "+n.kind()+", not a mapping", "write it like {key: value}, or one key: value in each line")
		return false
	}
	if len(n.Content)/2 > MaxEventTypes {
		d.fail(CodeLimit, n, what+" has "+countOf(len(n.Content)/2, "entry")+", at most "+strconv.Itoa(MaxEventTypes)+" are allowed", "split the file into several choreographies")
		return false
	}
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := (*node)(n.Content[i]), (*node)(n.Content[i+1])
		if key.Kind != scalarNode || key.Tag != "!!str" {
			d.fail(CodeBadValue, key, "a key of "+what+" is "+key.kind()+", not text", "put it in quotes")
			continue
		}
		if line, twice := seen[key.Value]; twice {
			d.fail(CodeDuplicate, key, what+" has "+quote(key.Value)+" twice", fmt.Sprintf("it is in line %d already", line))
			continue
		}
		seen[key.Value] = key.Line
		fn(key, value)
	}
	return true
}

// words reads one word or a list.
func (d *decoder) words(n *node, what string) (list words) {
	if n.Kind != sequenceNode {
		if w, ok := d.word(n, what); ok {
			return words{w}
		}
		return nil
	}
	if len(n.Content) == 0 {
		d.fail(CodeBadValue, n, what+" is an empty list", "name at least one, or leave "+what+" out")
	}
	if len(n.Content) > MaxEventTypes {
		d.fail(CodeLimit, n, what+" has "+countOf(len(n.Content), "entry")+", at most "+strconv.Itoa(MaxEventTypes)+" are allowed", "split the file into several choreographies")
		return nil
	}
	seen := map[string]bool{}
	for _, c := range n.Content {
		w, ok := d.word((*node)(c), what)
		switch {
		case !ok:
		case seen[w.text]:
			d.fail(CodeDuplicate, (*node)(c), what+" has "+quote(w.text)+" twice", "name it once")
		default:
			seen[w.text] = true
			list = append(list, w)
		}
	}
	return list
}

// scalar tells whether a node is a plain value, and says so if not.
func (d *decoder) scalar(n *node, what, want string) bool {
	if n.Kind == scalarNode && n.Tag != "!!null" && n.Anchor == "" {
		return true
	}
	hint := "write one value"
	switch n.Kind {
	case sequenceNode:
		hint = "write one value, without brackets or hyphens"
	case mappingNode:
		hint = "write one value, without braces; one with a colon in it belongs in quotes"
	default:
		if n.Tag == "!!null" {
			hint = "write it after the colon, or take " + what + " out"
		}
	}
	d.fail(CodeBadValue, n, what+" is "+n.kind()+", not "+want, hint)
	return false
}

// word reads the name of an event type, a service or a step.
func (d *decoder) word(n *node, what string) (word, bool) {
	w := word{n.Value, n.position()}
	if !d.scalar(n, what, "a name") {
		return w, false
	}
	if n.Tag != "!!str" {
		d.fail(CodeBadValue, n, what+" is "+n.kind()+", not a name", "put it in quotes if it is meant as text")
		return w, false
	}
	if fault, hint := nameFault(n.Value); fault != "" {
		d.fail(CodeBadValue, n, what+" is "+quote(n.Value)+", which "+fault, hint)
		return w, false
	}
	if strings.ContainsAny(n.Value, "*#") && topic.IsPattern(n.Value) {
		d.fail(CodeBadValue, n, what+" is "+quote(n.Value)+", which is a pattern", "name each event type; a contract has no patterns")
		return w, false
	}
	return w, true
}

// nameFault says what is wrong with a name, or "", and what to do about it.
func nameFault(s string) (fault, hint string) {
	switch {
	case s == "":
		return "is empty", "write a name, or take it out"
	case len(s) > MaxName:
		return fmt.Sprintf("has %d bytes, at most %d are allowed", len(s), MaxName), "give it a shorter name"
	case !utf8.ValidString(s):
		return "is not valid UTF-8", "save the file as UTF-8"
	case strings.TrimSpace(s) != s:
		return "begins or ends with a space", "take the space out: names must be the same to the letter"
	}
	if r, found := invisible(s); found {
		return fmt.Sprintf("contains the invisible character %U", r), retype
	}
	return "", ""
}

// retype is what to do about a character that can't be seen.
const retype = "type it anew: such a character comes along when text is copied"

// invisible returns the first character of s that can't be seen.
func invisible(s string) (r rune, found bool) {
	for _, r := range s {
		if !unicode.IsPrint(r) {
			return r, true
		}
	}
	return 0, false
}

// prose reads text for people.
func (d *decoder) prose(n *node, what string) string {
	switch {
	case !d.scalar(n, what, "text"):
		return ""
	case len(n.Value) > MaxDescription:
		d.fail(CodeLimit, n, fmt.Sprintf("%s has %d bytes, at most %d are allowed", what, len(n.Value), MaxDescription), "say it in fewer words, and the rest in the documentation")
		return ""
	}
	if r, found := invisible(strings.ReplaceAll(n.Value, "\n", " ")); found {
		d.fail(CodeBadValue, n, fmt.Sprintf("%s contains the invisible character %U", what, r), retype)
		return ""
	}
	return strings.TrimSpace(n.Value)
}

// quote returns s in quotes, shortened where it is long.
func quote(s string) string { return strconv.Quote(clip(s)) }

// clip shortens s to what an error should show of it.
func clip(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	cut := most
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}

// countOf returns "1 reaction" or "7 reactions".
func countOf(n int, noun string) string {
	switch {
	case n == 1:
		return "1 " + noun
	case strings.HasSuffix(noun, "y"):
		return strconv.Itoa(n) + " " + strings.TrimSuffix(noun, "y") + "ies"
	default:
		return strconv.Itoa(n) + " " + noun + "s"
	}
}
