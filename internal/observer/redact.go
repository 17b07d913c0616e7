package observer

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf8"
)

// redaction leaves out of payloads what must not be kept.
type redaction struct{ pointers [][]string }

// Redactor returns what leaves out of a payload what is at some JSON pointers,
// as the ledger keeps it: "" where nothing may be shown.
func Redactor(pointers []string) func(data []byte) string { return newRedaction(pointers).payload }

// redacted stands where something was left out.
const redacted = "[redacted]"

func newRedaction(pointers []string) *redaction {
	r := &redaction{}
	for _, p := range pointers {
		words := strings.Split(strings.TrimPrefix(p, "/"), "/")
		for i, w := range words {
			words[i] = strings.ReplaceAll(strings.ReplaceAll(w, "~1", "/"), "~0", "~")
		}
		r.pointers = append(r.pointers, words)
	}
	return r
}

// maxKept is how long a payload may be to be kept.
const maxKept = 256 << 10

// payload returns a body as it may be kept. Where something is to be left out, a
// body that is not JSON is left out whole: nobody can say what it holds.
func (r *redaction) payload(data []byte) string {
	if len(data) == 0 || len(data) > maxKept || !utf8.Valid(data) {
		return ""
	}
	if len(r.pointers) == 0 {
		return string(data)
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var body any
	if err := decoder.Decode(&body); err != nil || decoder.More() {
		return ""
	}
	for _, p := range r.pointers {
		body = redact(body, p)
	}
	out, err := json.Marshal(body)
	if err != nil {
		return ""
	}
	return string(out)
}

// redact replaces what is at a pointer; "*" stands for every member of a list
// or object.
func redact(v any, pointer []string) any {
	if len(pointer) == 0 {
		return redacted
	}
	word, rest := pointer[0], pointer[1:]
	switch v := v.(type) {
	case map[string]any:
		for name, member := range v {
			if word == name || word == "*" {
				v[name] = redact(member, rest)
			}
		}
	case []any:
		for i, member := range v {
			if word == "*" || word == strconv.Itoa(i) {
				v[i] = redact(member, rest)
			}
		}
	}
	return v
}
