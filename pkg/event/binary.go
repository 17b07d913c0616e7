package event

import (
	"encoding/json"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"
)

// The header prefixes of CloudEvents attributes on AMQP. The binding writes
// the first and, since some brokers and clients dislike colons in names,
// allows the second; both are read, the first is written.
//
// Source: CloudEvents AMQP Protocol Binding 1.0.2, section 3.1.3.1.
const (
	Prefix    = "cloudEvents:"
	AltPrefix = "cloudEvents_"
)

// Binary is an event as AMQP carries it: the properties that RabbitMQ's own
// tools show, headers, and a body. It is neutral of any client library; a
// transport copies it field by field.
type Binary struct {
	MessageID     string
	Type          string
	CorrelationID string
	AppID         string
	ContentType   string
	Timestamp     time.Time // AMQP keeps whole seconds only
	RoutingKey    string
	Headers       map[string]any
	Body          []byte
}

// Attribute names that have a field of their own in [Event].
const (
	attrSpecVersion     = "specversion"
	attrID              = "id"
	attrSource          = "source"
	attrType            = "type"
	attrSubject         = "subject"
	attrTime            = "time"
	attrDataContentType = "datacontenttype"
	attrDataSchema      = "dataschema"
	attrFlowName        = "flowname"
	attrFlowID          = "flowid"
	attrCausationID     = "causationid"
	attrTriggerTime     = "triggertime"
	attrServiceVersion  = "serviceversion"
)

var reserved = map[string]bool{
	attrSpecVersion: true, attrID: true, attrSource: true, attrType: true, attrSubject: true,
	attrTime: true, attrDataContentType: true, attrDataSchema: true, attrFlowName: true,
	attrFlowID: true, attrCausationID: true, attrTriggerTime: true, attrServiceVersion: true,
	"data": true, "data_base64": true,
}

// Marshal returns e in binary mode. It is strict: the error wraps [ErrInvalid]
// where e is not valid. The returned Headers map is new and the caller's to
// change; Body shares Data's memory.
func Marshal(e Event) (Binary, error) {
	if err := e.Validate(); err != nil {
		return Binary{}, err
	}
	h := make(map[string]any, 16+len(e.Extensions))
	h[Prefix+attrSpecVersion] = SpecVersion
	h[Prefix+attrID] = e.ID
	h[Prefix+attrSource] = e.Source
	h[Prefix+attrType] = e.Type
	h[Prefix+attrTime] = formatTime(e.Time)
	putText(h, Prefix+attrSubject, e.Subject)
	putText(h, Prefix+attrDataSchema, e.DataSchema)
	putText(h, Prefix+attrFlowName, e.FlowName)
	putText(h, Prefix+attrFlowID, e.FlowID)
	putText(h, Prefix+attrCausationID, e.CausationID)
	putText(h, Prefix+attrServiceVersion, e.ServiceVersion)
	if !e.TriggerTime.IsZero() {
		h[Prefix+attrTriggerTime] = formatTime(e.TriggerTime)
	}
	for name, value := range e.Extensions {
		h[Prefix+name] = value
	}
	return Binary{
		MessageID:     e.ID,
		Type:          e.Type,
		CorrelationID: e.FlowID,
		AppID:         e.Source,
		ContentType:   e.DataContentType,
		Timestamp:     e.Time,
		RoutingKey:    e.Type,
		Headers:       h,
		Body:          e.Data,
	}, nil
}

func putText(h map[string]any, name, value string) {
	if value != "" {
		h[name] = value
	}
}

func formatTime(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// Unmarshal reads an event from an AMQP message. It is tolerant: attributes
// are found under either prefix, as text or as any AMQP scalar; what has no
// header is taken from the native property (message-id, type, app-id,
// correlation-id, timestamp) and the type, last, from the routing key; a body
// in structured mode (application/cloudevents+json) is unwrapped.
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
	for name, value := range b.Headers {
		attr, ok := attribute(name)
		if !ok {
			continue
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
	if e.Time.IsZero() && !b.Timestamp.IsZero() {
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

// attribute returns the attribute name in a header name.
func attribute(header string) (string, bool) {
	if len(header) <= len(Prefix) {
		return "", false
	}
	switch header[:len(Prefix)] {
	case Prefix, AltPrefix:
		return header[len(Prefix):], true
	}
	return "", false
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
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}

// scalar returns an AMQP header value as text; tables and arrays are none.
func scalar(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case []byte:
		return string(v), true
	case bool:
		return strconv.FormatBool(v), true
	case int:
		return strconv.Itoa(v), true
	case int8:
		return strconv.FormatInt(int64(v), 10), true
	case int16:
		return strconv.FormatInt(int64(v), 10), true
	case int32:
		return strconv.FormatInt(int64(v), 10), true
	case int64:
		return strconv.FormatInt(v, 10), true
	case uint8:
		return strconv.FormatUint(uint64(v), 10), true
	case float32:
		return strconv.FormatFloat(float64(v), 'g', -1, 32), true
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64), true
	case time.Time:
		return formatTime(v), true
	default:
		return "", false
	}
}

// PlainHeaders returns the scalar headers of an AMQP message that are no
// CloudEvents attributes, such as traceparent, as text. It returns nil where
// there are none.
func PlainHeaders(headers map[string]any) map[string]string {
	var plain map[string]string
	for name, value := range headers {
		if _, ok := attribute(name); ok {
			continue
		}
		text, ok := scalar(value)
		if !ok {
			continue
		}
		if plain == nil {
			plain = make(map[string]string, 4)
		}
		plain[name] = text
	}
	return plain
}

func isStructured(contentType string) bool {
	const mediaType = "application/cloudevents+json"
	return len(contentType) >= len(mediaType) && strings.EqualFold(contentType[:len(mediaType)], mediaType)
}

func unmarshalStructured(b Binary) (Event, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(b.Body, &members); err != nil {
		return finishBroken(b), fmt.Errorf("%w: structured mode: %w", ErrMalformed, err)
	}
	var e Event
	spec := ""
	for name, raw := range members {
		switch name {
		case "data":
			e.Data = raw
			continue
		case "data_base64":
			if err := json.Unmarshal(raw, &e.Data); err != nil {
				return finishBroken(b), fmt.Errorf("%w: data_base64: %w", ErrMalformed, err)
			}
			continue
		}
		var v any
		if err := json.Unmarshal(raw, &v); err != nil {
			continue
		}
		text, ok := scalar(v)
		if !ok {
			continue
		}
		if name == attrSpecVersion {
			spec = text
			continue
		}
		e.set(name, text)
	}
	if e.DataContentType == "" && members["data"] != nil {
		e.DataContentType = ContentTypeJSON
	}
	return finish(e, spec, b)
}

// finishBroken returns what is known of a structured message whose body can't
// be read, so that it can at least be told apart where it is parked.
func finishBroken(b Binary) Event {
	e, _ := finish(Event{DataContentType: b.ContentType, Data: b.Body}, "", b)
	return e
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

// Clone returns a copy of e that shares no memory with it.
func (e Event) Clone() Event {
	e.Data = append([]byte(nil), e.Data...)
	e.Extensions = maps.Clone(e.Extensions)
	return e
}
