package event

import (
	"encoding/json"
	"fmt"
	"mime"
	"strings"
)

// isStructured tells whether a content type says that the body is a whole
// event in JSON.
//
// Source: CloudEvents AMQP Protocol Binding 1.0.2, section 3.2.
func isStructured(contentType string) bool {
	const mediaType = "application/cloudevents+json"
	if len(contentType) < len(mediaType) || !strings.EqualFold(contentType[:len(mediaType)], mediaType) {
		return false
	}
	rest := strings.TrimLeft(contentType[len(mediaType):], " \t")
	return rest == "" || rest[0] == ';'
}

// unmarshalStructured reads an event from a body in the JSON format.
//
// Source: CloudEvents JSON Event Format 1.0.2, section 3.
func unmarshalStructured(b Binary) (Event, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(b.Body, &members); err != nil {
		return finishBroken(b), fmt.Errorf("%w: structured mode: %w", ErrMalformed, err)
	}
	var e Event
	spec := ""
	for name, raw := range members {
		text, ok := jsonScalar(raw)
		switch {
		case name == "data" || name == "data_base64" || !ok:
		case name == attrSpecVersion:
			spec = text
		default:
			e.set(name, text)
		}
	}
	if err := e.setStructuredData(members["data"], members["data_base64"]); err != nil {
		return finishBroken(b), fmt.Errorf("%w: structured mode: %w", ErrMalformed, err)
	}
	return finish(e, spec, b)
}

// setStructuredData takes the data of a structured event from either member.
func (e *Event) setStructuredData(data, base64 json.RawMessage) error {
	switch {
	case base64 != nil:
		if err := json.Unmarshal(base64, &e.Data); err != nil {
			return fmt.Errorf("data_base64: %w", err)
		}
	case data == nil:
		return nil
	case e.DataContentType == "":
		e.DataContentType, e.Data = ContentTypeJSON, data
	case isJSON(e.DataContentType):
		e.Data = data
	default:
		// Text that is not JSON is carried as a JSON string.
		var text string
		if json.Unmarshal(data, &text) == nil {
			e.Data = []byte(text)
		} else {
			e.Data = data
		}
	}
	return nil
}

// isJSON tells whether a media type is JSON or built on it.
func isJSON(contentType string) bool {
	mediaType, _, err := mime.ParseMediaType(contentType)
	return err == nil && (strings.HasSuffix(mediaType, "/json") || strings.HasSuffix(mediaType, "+json"))
}

// jsonScalar returns a JSON string, number or boolean as text. A number keeps
// the digits it was written with.
func jsonScalar(raw json.RawMessage) (string, bool) {
	if len(raw) == 0 {
		return "", false
	}
	switch raw[0] {
	case '{', '[', 'n':
		return "", false
	case '"':
		var s string
		err := json.Unmarshal(raw, &s)
		return s, err == nil
	default:
		return string(raw), true
	}
}

// finishBroken returns what is known of a structured message whose body can't
// be read, so that it can at least be told apart where it is parked.
func finishBroken(b Binary) Event {
	e, _ := finish(Event{DataContentType: b.ContentType, Data: b.Body}, "", b)
	return e
}
