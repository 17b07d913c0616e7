package parked

import (
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/laban-io/laban/pkg/bus"
)

// Kind is where a message waits.
type Kind string

// The kinds.
const (
	// Parked: a service failed to process it for good.
	Parked Kind = "parked"
	// Lost: the copy to be tried again or parked found no queue.
	Lost Kind = "lost"
	// Unrouted: no queue asked for the event.
	Unrouted Kind = "unrouted"
)

// Kinds are all kinds.
func Kinds() []Kind { return []Kind{Parked, Lost, Unrouted} }

// Message is a message that waits for a person.
type Message struct {
	Kind Kind `json:"kind"`
	// Service is whose copy it is, empty of an unrouted event.
	Service string `json:"service,omitempty"`
	// ID, Source and Type are the event's. The ID of a message that has none is
	// made of its content.
	ID     string `json:"id"`
	Source string `json:"source,omitempty"`
	Type   string `json:"type"`
	// FlowName, FlowID and Key say which flow, as far as the message does.
	FlowName string `json:"flow_name,omitempty"`
	FlowID   string `json:"flow_id,omitempty"`
	Key      string `json:"key,omitempty"`
	// Attempt is the last one that was made, 0 where that is not known, and Error
	// how it ended.
	Attempt int    `json:"attempt,omitempty"`
	Error   string `json:"error,omitempty"`
	// At is the log time at which it was set aside: the pulse of an observer
	// before it, or zero where there was none. Made is when the event was made.
	At   time.Time `json:"at,omitzero"`
	Made time.Time `json:"made,omitzero"`
	// Place is where a copy can be read.
	Place Place `json:"place"`
	// Before tells this copy from one that was parked earlier under the same id:
	// it is the mark of the redrive that brought it here, or empty.
	Before string `json:"before,omitempty"`
	// RoutingKey is that of the original.
	RoutingKey string `json:"routing_key,omitempty"`
	// Malformed says why it can't be read as an event, or is empty.
	Malformed string `json:"malformed,omitempty"`

	// Headers, ContentType and Data are the message itself. Lists leave them out,
	// but for an example of each group.
	Headers     map[string]string `json:"headers,omitempty"`
	ContentType string            `json:"content_type,omitempty"`
	Data        []byte            `json:"-"`
}

// Place is where a copy of a message can be read without taking it: a stream,
// and the offset in it.
type Place struct {
	Stream string `json:"stream"`
	Offset uint64 `json:"offset"`
}

// Ref names one copy of a message, also where the message can't be read.
type Ref struct {
	Kind                        Kind
	Service, Source, ID, Before string
}

// Ref returns what names m.
func (m *Message) Ref() Ref { return Ref{m.Kind, m.Service, m.Source, m.ID, m.Before} }

// When is when the message was set aside, or made where that is not known.
func (m *Message) When() time.Time {
	if m.At.IsZero() {
		return m.Made
	}
	return m.At
}

// bare returns m without what only a closer look needs.
func (m *Message) bare() Message {
	c := *m
	c.Headers, c.Data = nil, nil
	return c
}

// messageOf returns what a record of a log or a queue says.
func messageOf(kind Kind, m *bus.Message, malformed error) Message {
	e := &m.Event
	msg := Message{
		Kind: kind, Service: m.Headers[bus.HeaderService], ID: e.ID, Source: e.Source, Type: e.Type,
		FlowName: e.FlowName, FlowID: e.FlowID, Key: e.Subject, Made: e.Time, Before: m.Headers[bus.HeaderRedrive],
		Error: m.Headers[bus.HeaderError], RoutingKey: m.RoutingKey,
		Headers: m.Headers, ContentType: e.DataContentType, Data: e.Data,
	}
	if malformed != nil {
		msg.Malformed = malformed.Error()
	}
	if msg.ID == "" {
		sum := sha256.Sum256(append([]byte(msg.Type+"\x00"+msg.RoutingKey+"\x00"), e.Data...))
		msg.ID = "content:" + hex.EncodeToString(sum[:12])
	}
	return msg
}
