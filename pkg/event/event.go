package event

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"
)

// SpecVersion is the CloudEvents version that this package reads and writes.
const SpecVersion = "1.0"

// ContentTypeJSON is the content type of the data that [New] encodes.
const ContentTypeJSON = "application/json"

// Event is one immutable fact: something that happened in a service.
//
// The zero values of ID, Source, Time and the flow attributes mean "not yet
// known"; package bus fills them when the event is published. Copy an Event
// freely, but do not change Data or Extensions of one that was published.
type Event struct {
	// ID identifies the event, together with Source. A message that is
	// published again, retried or redriven keeps its ID.
	ID string
	// Source is the service that emitted the event.
	Source string
	// Type says what happened, such as "payment.confirmed". It is also the
	// routing key.
	Type string
	// Subject is the key of the flow, such as the order id.
	Subject string
	// Time is when the event was made, by the emitting service's clock.
	Time time.Time

	// FlowName and FlowID name the flow that the event belongs to: the
	// choreography and one run of it. Both are empty for an event outside any
	// flow.
	FlowName string
	FlowID   string
	// CausationID is the ID of the event that was being handled when this one
	// was emitted; empty for one that nothing caused.
	CausationID string
	// TriggerTime is when that handler received the causing event, by the same
	// clock as Time, so that the time in hand is exactly Time - TriggerTime.
	TriggerTime time.Time
	// ServiceVersion is the version of the service that emitted the event.
	ServiceVersion string

	// DataContentType is the media type of Data.
	DataContentType string
	// DataSchema is the URI of a schema that Data adheres to, if any.
	DataSchema string
	// Data is the payload as it travels.
	Data []byte

	// Extensions are CloudEvents extension attributes other than those above.
	Extensions map[string]string

	err error // why New could not encode the data; reported by Validate
}

// New returns an event of type typ whose data is the JSON encoding of data.
// A nil data means an event without any; a json.RawMessage is taken as it is.
//
// An error in encoding is kept and returned by [Event.Validate], and so by
// whatever publishes the event.
func New(typ string, data any) Event {
	e := Event{Type: typ}
	if data == nil {
		return e
	}
	e.DataContentType = ContentTypeJSON
	e.Data, e.err = json.Marshal(data)
	if e.err != nil {
		e.err = fmt.Errorf("encode data of %s: %w", typ, e.err)
	}
	return e
}

// WithSubject returns a copy of e with the given subject.
func (e Event) WithSubject(subject string) Event {
	e.Subject = subject
	return e
}

// ErrData is wrapped by the error of [Event.Decode]: the data is not what its
// reader expects, and reading it again will not help.
var ErrData = errors.New("event data can't be decoded")

// Decode reads the JSON data of e into v. Fields that v does not know are
// ignored, so that a service can add one without breaking its readers.
func (e Event) Decode(v any) error {
	if len(e.Data) == 0 {
		return fmt.Errorf("%w: %s %s has no data", ErrData, e.Type, e.ID)
	}
	if err := json.Unmarshal(e.Data, v); err != nil {
		return fmt.Errorf("%w: %s %s: %w", ErrData, e.Type, e.ID, err)
	}
	return nil
}

// Flow returns the name of the flow that e belongs to, "name:id", or "" for
// an event outside any flow.
func (e Event) Flow() string {
	if e.FlowID == "" {
		return ""
	}
	return e.FlowName + ":" + e.FlowID
}

// OrderKey returns what events are kept in order by: the flow where there is
// one, the subject otherwise, and the event's own id where there is neither.
func (e Event) OrderKey() string {
	switch {
	case e.FlowID != "":
		return e.FlowID
	case e.Subject != "":
		return e.Subject
	default:
		return e.ID
	}
}

// NewID returns a new id for an event or a flow: a ULID, which sorts by time
// of creation, also within one millisecond of one process. It is safe for
// concurrent use.
func NewID() string {
	ids.Lock()
	defer ids.Unlock()
	id, err := ulid.New(ulid.Now(), ids.entropy)
	if err != nil {
		// The monotonic counter of this millisecond overflowed, which takes
		// about 2^79 ids: start again from fresh randomness.
		ids.entropy = ulid.Monotonic(rand.Reader, 0)
		id = ulid.MustNew(ulid.Now(), ids.entropy)
	}
	return id.String()
}

// ids is the process's source of monotonic ULIDs. Sharing one is what makes
// ids of one process sort in the order in which they were made.
//
//nolint:gochecknoglobals // the state is one of the process by nature, and locked
var ids = struct {
	sync.Mutex
	entropy *ulid.MonotonicEntropy
}{entropy: ulid.Monotonic(rand.Reader, 0)}
