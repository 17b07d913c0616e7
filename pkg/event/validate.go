package event

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// MaxAttribute is the longest attribute value in bytes. AMQP carries id, type
// and flow id in short strings, whose length is a byte.
const MaxAttribute = 255

// MaxExtensions is how many extensions an event may have. All headers of an
// AMQP message must fit one frame, by default of 128 KiB; this bound leaves
// most of it to others.
const MaxExtensions = 64

// ErrInvalid is wrapped by every error of [Event.Validate] and [Marshal].
var ErrInvalid = errors.New("invalid event")

// ErrMalformed is wrapped by every error of [Unmarshal]: the message can't be
// read as an event, and reading it again will not help.
var ErrMalformed = errors.New("malformed event")

// Validate tells whether e may be published: its required attributes are
// there, every attribute is printable text of at most [MaxAttribute] bytes,
// times can be written in RFC 3339, there are at most [MaxExtensions]
// extensions whose names follow CloudEvents (lower-case letters and digits),
// and [New] could encode its data. The error wraps [ErrInvalid].
func (e Event) Validate() error {
	if e.err != nil {
		return fmt.Errorf("%w: %w", ErrInvalid, e.err)
	}
	switch {
	case e.ID == "":
		return fmt.Errorf("%w: no id", ErrInvalid)
	case e.Source == "":
		return fmt.Errorf("%w: no source", ErrInvalid)
	case e.Type == "":
		return fmt.Errorf("%w: no type", ErrInvalid)
	case e.Time.IsZero():
		return fmt.Errorf("%w: no time", ErrInvalid)
	case (e.FlowID == "") != (e.FlowName == ""):
		return fmt.Errorf("%w: flow name %q with flow id %q: give both or none", ErrInvalid, e.FlowName, e.FlowID)
	}
	if err := checkTime(e.Time); err != nil {
		return fmt.Errorf("%w: %s: %w", ErrInvalid, attrTime, err)
	}
	if err := checkTime(e.TriggerTime); err != nil {
		return fmt.Errorf("%w: %s: %w", ErrInvalid, attrTriggerTime, err)
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
	names := [...]string{
		attrID, attrSource, attrType, attrSubject, attrFlowName, attrFlowID,
		attrCausationID, attrServiceVersion, attrDataContentType, attrDataSchema,
	}
	for i, value := range [...]string{
		e.ID, e.Source, e.Type, e.Subject, e.FlowName, e.FlowID,
		e.CausationID, e.ServiceVersion, e.DataContentType, e.DataSchema,
	} {
		if err := checkText(value); err != nil {
			return names[i], err
		}
	}
	if err := checkContentType(e.DataContentType); err != nil {
		return attrDataContentType, err
	}
	if len(e.Extensions) > MaxExtensions {
		return "extensions", fmt.Errorf("%d of them, at most %d are allowed", len(e.Extensions), MaxExtensions)
	}
	for name, value := range e.Extensions {
		if err := checkText(value); err != nil {
			return name, err
		}
	}
	return "", nil
}

// checkText refuses what CloudEvents forbids in a string (control characters,
// noncharacters, ill-formed Unicode) and what would not fit an AMQP short
// string. A NUL, for one, can't be stored by PostgreSQL, and an escape sequence
// can rewrite the terminal of whoever reads a log.
//
// Source: CloudEvents 1.0.2, section 3.1, type String.
func checkText(s string) error {
	if len(s) > MaxAttribute {
		return fmt.Errorf("%d bytes long, at most %d are allowed", len(s), MaxAttribute)
	}
	// Nearly every attribute is printable ASCII, which costs one pass.
	for i := range len(s) {
		if s[i] < ' ' || s[i] >= 0x7f {
			return checkUnicode(s)
		}
	}
	return nil
}

func checkUnicode(s string) error {
	if !utf8.ValidString(s) {
		return errors.New("not valid UTF-8")
	}
	if i := strings.IndexFunc(s, unicode.IsControl); i >= 0 {
		return fmt.Errorf("control character at byte %d", i)
	}
	if i := strings.IndexFunc(s, isNoncharacter); i >= 0 {
		return fmt.Errorf("noncharacter at byte %d", i)
	}
	return nil
}

func isNoncharacter(r rune) bool {
	return r&0xfffe == 0xfffe || r >= 0xfdd0 && r <= 0xfdef
}

// checkContentType refuses a content type that would make a reader of binary
// mode take the data for a whole event.
func checkContentType(s string) error {
	const structured = "application/cloudevents"
	if len(s) >= len(structured) && strings.EqualFold(s[:len(structured)], structured) {
		return fmt.Errorf("%q is for whole events in a format that is not read here; use the media type of the data", clip(s))
	}
	return nil
}

// The first and the last second that RFC 3339 can write, except year 0: the
// zero time is where a time.Time begins.
const (
	minUnix = -62135596800 // 0001-01-01T00:00:00Z
	maxUnix = 253402300799 // 9999-12-31T23:59:59Z
)

// checkTime refuses a year that RFC 3339 can't write.
func checkTime(t time.Time) error {
	if s := t.Unix(); s < minUnix || s > maxUnix {
		return fmt.Errorf("the year is %d, RFC 3339 has 4 digits for it", t.UTC().Year())
	}
	return nil
}

func checkExtensionName(name string) error {
	if name == "" || len(name) > 64 {
		return fmt.Errorf("extension name %q: 1 to 64 characters are allowed", clip(name))
	}
	for i := range len(name) {
		if c := name[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return fmt.Errorf("extension name %q: only a-z and 0-9 are allowed", clip(name))
		}
	}
	if isReserved(name) {
		return fmt.Errorf("extension name %q is an attribute with a field of its own", name)
	}
	return nil
}
