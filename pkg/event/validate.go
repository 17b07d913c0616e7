package event

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxAttribute is the longest attribute value in bytes. AMQP carries id, type
// and flow id in short strings, whose length is a byte.
const MaxAttribute = 255

// ErrInvalid is wrapped by every error of [Event.Validate] and [Marshal].
var ErrInvalid = errors.New("invalid event")

// ErrMalformed is wrapped by every error of [Unmarshal]: the message can't be
// read as an event, and reading it again will not help.
var ErrMalformed = errors.New("malformed event")

// Validate tells whether e may be published: its required attributes are
// there, every attribute is printable text of at most [MaxAttribute] bytes,
// extension names follow CloudEvents (lower-case letters and digits), and
// [New] could encode its data. The error wraps [ErrInvalid].
func (e Event) Validate() error {
	if e.err != nil {
		return fmt.Errorf("%w: %w", ErrInvalid, e.err)
	}
	for _, a := range [...]struct{ name, value string }{{"id", e.ID}, {"source", e.Source}, {"type", e.Type}} {
		if a.value == "" {
			return fmt.Errorf("%w: no %s", ErrInvalid, a.name)
		}
	}
	if e.Time.IsZero() {
		return fmt.Errorf("%w: no time", ErrInvalid)
	}
	if (e.FlowID == "") != (e.FlowName == "") {
		return fmt.Errorf("%w: flow name %q with flow id %q: give both or none", ErrInvalid, e.FlowName, e.FlowID)
	}
	if name, err := e.checkAttributes(); err != nil {
		return fmt.Errorf("%w: %s: %w", ErrInvalid, name, err)
	}
	for name := range e.Extensions {
		if err := checkExtensionName(name); err != nil {
			return fmt.Errorf("%w: %w", ErrInvalid, err)
		}
	}
	return nil
}

// checkAttributes returns the name of the first attribute whose value can't
// travel, and why.
func (e *Event) checkAttributes() (name string, err error) {
	for _, a := range [...]struct{ name, value string }{
		{"id", e.ID}, {"source", e.Source}, {"type", e.Type}, {"subject", e.Subject},
		{"flowname", e.FlowName}, {"flowid", e.FlowID}, {"causationid", e.CausationID},
		{"serviceversion", e.ServiceVersion}, {"datacontenttype", e.DataContentType},
		{"dataschema", e.DataSchema},
	} {
		if err := checkText(a.value); err != nil {
			return a.name, err
		}
	}
	for name, value := range e.Extensions {
		if err := checkText(value); err != nil {
			return name, err
		}
	}
	return "", nil
}

// checkText refuses what CloudEvents forbids in a string (control characters,
// ill-formed Unicode) and what would not fit an AMQP short string. A NUL, for
// one, can't be stored by PostgreSQL, and an escape sequence can rewrite the
// terminal of whoever reads a log.
func checkText(s string) error {
	if len(s) > MaxAttribute {
		return fmt.Errorf("%d bytes long, at most %d are allowed", len(s), MaxAttribute)
	}
	if !utf8.ValidString(s) {
		return errors.New("not valid UTF-8")
	}
	if i := strings.IndexFunc(s, unicode.IsControl); i >= 0 {
		return fmt.Errorf("control character at byte %d", i)
	}
	return nil
}

func checkExtensionName(name string) error {
	if name == "" || len(name) > 64 {
		return fmt.Errorf("extension name %q: 1 to 64 characters are allowed", name)
	}
	for _, r := range name {
		if (r < 'a' || r > 'z') && (r < '0' || r > '9') {
			return fmt.Errorf("extension name %q: only a-z and 0-9 are allowed", name)
		}
	}
	if reserved[name] {
		return fmt.Errorf("extension name %q is an attribute with a field of its own", name)
	}
	return nil
}
