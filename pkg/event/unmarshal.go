package event

import (
	"fmt"
	"strings"
	"time"
)

// Unmarshal reads an event from an AMQP message. It is tolerant: attributes
// are found under either prefix, as text or as any AMQP scalar; what has no
// header is taken from the native property (message-id, type, app-id,
// correlation-id, timestamp) and the type, last, from the routing key; a body
// in structured mode (application/cloudevents+json) is unwrapped. A time that
// can't be read is no time, and half a flow (a name without an id, or an id
// without a name) is none.
//
// It refuses a message without an id or a type, one of another specversion,
// and attributes that [Marshal] could not write. The error wraps
// [ErrMalformed]; the event that is returned with it holds what could be read.
// Body's memory is shared.
func Unmarshal(b Binary) (Event, error) {
	if isStructured(b.ContentType) {
		return unmarshalStructured(b)
	}
	e := Event{DataContentType: b.ContentType, Data: b.Body}
	spec := ""
	for header, value := range b.Headers {
		attr, ok := attribute(header)
		if !ok {
			continue
		}
		if strings.HasPrefix(header, AltPrefix) {
			if _, twice := b.Headers[Prefix+attr]; twice {
				continue // or which of the two is read would be left to chance
			}
		}
		text, ok := scalar(value)
		if !ok {
			continue
		}
		if attr == attrSpecVersion {
			spec = text
			continue
		}
		e.set(attr, text)
	}
	return finish(e, spec, b)
}

// finish completes an event from native properties and judges it.
func finish(e Event, spec string, b Binary) (Event, error) {
	e.ID = firstOf(e.ID, b.MessageID)
	e.Type = firstOf(e.Type, b.Type, b.RoutingKey)
	e.Source = firstOf(e.Source, b.AppID)
	if e.FlowName != "" {
		e.FlowID = firstOf(e.FlowID, b.CorrelationID)
	}
	if e.FlowName == "" || e.FlowID == "" {
		e.FlowName, e.FlowID = "", ""
	}
	if e.Time.IsZero() && checkTime(b.Timestamp) == nil {
		e.Time = b.Timestamp.UTC()
	}
	switch {
	case spec != "" && spec != SpecVersion && !strings.HasPrefix(spec, "1."):
		return e, fmt.Errorf("%w: specversion %q, this reader knows %s", ErrMalformed, clip(spec), SpecVersion)
	case e.Type == "":
		return e, fmt.Errorf("%w: no type: neither a header %stype, nor a type property, nor a routing key", ErrMalformed, Prefix)
	case e.ID == "":
		return e, fmt.Errorf("%w: no id: neither a header %sid nor a message-id property; without one a redelivery can't be told from a new event", ErrMalformed, Prefix)
	}
	if name, err := e.checkAttributes(); err != nil {
		return e, fmt.Errorf("%w: %s: %w", ErrMalformed, clip(name), err)
	}
	return e, nil
}

func (e *Event) set(attr, text string) {
	switch attr {
	case attrID:
		e.ID = text
	case attrSource:
		e.Source = text
	case attrType:
		e.Type = text
	case attrSubject:
		e.Subject = text
	case attrTime:
		e.Time = parseTime(text)
	case attrDataContentType:
		e.DataContentType = text
	case attrDataSchema:
		e.DataSchema = text
	case attrFlowName:
		e.FlowName = text
	case attrFlowID:
		e.FlowID = text
	case attrCausationID:
		e.CausationID = text
	case attrTriggerTime:
		e.TriggerTime = parseTime(text)
	case attrServiceVersion:
		e.ServiceVersion = text
	default:
		// An extension whose name is not CloudEvents' is some other system's
		// header and can't be written again: leave it.
		if checkExtensionName(attr) != nil {
			return
		}
		if e.Extensions == nil {
			e.Extensions = make(map[string]string, 4)
		}
		e.Extensions[attr] = text
	}
}

// parseTime reads RFC 3339. Anything else is no time at all: an event with an
// unreadable clock is still an event, and no verdict depends on its time.
func parseTime(text string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil || checkTime(t) != nil {
		return time.Time{}
	}
	return t.UTC()
}

func firstOf(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}

// clip keeps hostile input from filling a log line.
func clip(s string) string {
	if len(s) <= 40 {
		return s
	}
	return strings.ToValidUTF8(s[:40], "") + "…"
}
