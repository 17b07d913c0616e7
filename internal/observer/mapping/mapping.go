package mapping

import (
	"fmt"
	"strconv"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/laban-io/laban/internal/observer/record"
	"github.com/laban-io/laban/pkg/event"
	"github.com/laban-io/laban/pkg/flow"
)

// Mapping says where in the messages of an exchange an event's parts are. Type
// and Key have to be somewhere; the rest is optional.
type Mapping struct {
	Type, Key, ID, Causation, Source, Flow, Time Place
}

// Parse reads the places of a tap. What is left out is where it most often is:
// the type in the routing key, the id in message-id, the source in app-id, the
// time in timestamp.
func Parse(t record.Tap) (Mapping, error) {
	var m Mapping
	for _, place := range []struct {
		name, text, usual string
		to                *Place
	}{
		{"type", t.EventType, "routing-key", &m.Type},
		{"key", t.Key, "", &m.Key},
		{"id", t.ID, "property:message-id", &m.ID},
		{"causation", t.Causation, "", &m.Causation},
		{"source", t.Source, "property:app-id", &m.Source},
		{"flow", t.Flow, "", &m.Flow},
		{"time", t.Time, "property:timestamp", &m.Time},
	} {
		text := place.text
		if text == "" {
			text = place.usual
		}
		p, err := ParsePlace(text)
		if err != nil {
			return Mapping{}, fmt.Errorf("%s: %w", place.name, err)
		}
		*place.to = p
	}
	return m, nil
}

// Unreadable is a message that fits no mapping.
type Unreadable struct {
	// Reason is a word to count by.
	Reason string
	Err    error
}

// Reasons of [Unreadable].
const (
	NoType  = "no-type"
	NotJSON = "not-json"
	BadText = "bad-text"
)

// Error returns what is wrong with the message.
func (u *Unreadable) Error() string {
	return "this message is no event by its mapping: " + u.Err.Error()
}

// Unwrap returns the error inside.
func (u *Unreadable) Unwrap() error { return u.Err }

// Event reads a message. The event has no offset yet. A message without a key
// is an event that no flow takes; one without a type is none.
func (m *Mapping) Event(msg *event.Binary) (flow.Event, error) {
	var e flow.Event
	var at string
	for _, part := range [...]struct {
		name  string
		place Place
		to    *string
	}{
		{"type", m.Type, &e.Type},
		{"key", m.Key, &e.Key},
		{"id", m.ID, &e.ID},
		{"causation", m.Causation, &e.CausationID},
		{"source", m.Source, &e.Source},
		{"flow", m.Flow, &e.FlowID},
		{"time", m.Time, &at},
	} {
		text, err := part.place.find(msg)
		if err != nil {
			return flow.Event{}, &Unreadable{Reason: NotJSON, Err: fmt.Errorf("look for the %s at %s: %w", part.name, part.place, err)}
		}
		if fault := textFault(text); fault != "" {
			return flow.Event{}, &Unreadable{Reason: BadText, Err: fmt.Errorf("the %s at %s %s", part.name, part.place, fault)}
		}
		*part.to = text
	}
	if e.Type == "" {
		return flow.Event{}, &Unreadable{Reason: NoType, Err: fmt.Errorf("there is no type at %s", m.Type)}
	}
	e.Time = parseTime(at)
	e.Trace = ParseTraceparent(scalar(msg.Headers["traceparent"]))
	return e, nil
}

// textFault says what is wrong with a text that is to identify something.
func textFault(text string) string {
	if len(text) > event.MaxAttribute {
		return fmt.Sprintf("has %d bytes, at most %d are allowed", len(text), event.MaxAttribute)
	}
	if !utf8.ValidString(text) {
		return "is not UTF-8"
	}
	for _, r := range text {
		if unicode.IsControl(r) {
			return "has a control character"
		}
	}
	return ""
}

// parseTime reads RFC 3339, or seconds or milliseconds since 1970. Anything else
// is no time: no verdict depends on it.
func parseTime(text string) time.Time {
	if text == "" {
		return time.Time{}
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		const milliseconds = 100_000_000_000 // as seconds, the year 5138
		if n > milliseconds {
			return inRange(time.UnixMilli(n))
		}
		return inRange(time.Unix(n, 0))
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return time.Time{}
	}
	return inRange(t)
}

func inRange(t time.Time) time.Time {
	t = t.UTC()
	if t.Year() < 1970 || t.Year() > 2261 {
		return time.Time{}
	}
	return t
}
