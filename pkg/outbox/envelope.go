package outbox

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/laban-io/laban/pkg/event"
)

// envelope is an event without its data, as a row keeps it. The names are
// those of the CloudEvents attributes.
type envelope struct {
	ID              string            `json:"id"`
	Source          string            `json:"source"`
	Type            string            `json:"type"`
	Subject         string            `json:"subject,omitempty"`
	Time            time.Time         `json:"time"`
	FlowName        string            `json:"flowname,omitempty"`
	FlowID          string            `json:"flowid,omitempty"`
	CausationID     string            `json:"causationid,omitempty"`
	TriggerTime     time.Time         `json:"triggertime,omitzero"`
	ServiceVersion  string            `json:"serviceversion,omitempty"`
	DataContentType string            `json:"datacontenttype,omitempty"`
	DataSchema      string            `json:"dataschema,omitempty"`
	Extensions      map[string]string `json:"extensions,omitempty"`
}

func encodeEnvelope(e event.Event) (string, error) {
	text, err := json.Marshal(envelope{
		ID: e.ID, Source: e.Source, Type: e.Type, Subject: e.Subject, Time: e.Time.UTC(),
		FlowName: e.FlowName, FlowID: e.FlowID, CausationID: e.CausationID, TriggerTime: e.TriggerTime.UTC(),
		ServiceVersion: e.ServiceVersion, DataContentType: e.DataContentType, DataSchema: e.DataSchema,
		Extensions: e.Extensions,
	})
	if err != nil {
		return "", fmt.Errorf("encode the envelope of %s %s: %w", e.Type, e.ID, err)
	}
	return string(text), nil
}

func decodeEnvelope(text, data []byte) (event.Event, error) {
	var env envelope
	if err := json.Unmarshal(text, &env); err != nil {
		return event.Event{}, fmt.Errorf("%w: envelope of the outbox row: %w", event.ErrMalformed, err)
	}
	if len(data) == 0 {
		data = nil
	}
	return event.Event{
		ID: env.ID, Source: env.Source, Type: env.Type, Subject: env.Subject, Time: env.Time,
		FlowName: env.FlowName, FlowID: env.FlowID, CausationID: env.CausationID, TriggerTime: env.TriggerTime,
		ServiceVersion: env.ServiceVersion, DataContentType: env.DataContentType, DataSchema: env.DataSchema,
		Extensions: env.Extensions, Data: data,
	}, nil
}

func encodeHeaders(headers map[string]string) (string, error) {
	if len(headers) == 0 {
		return "{}", nil
	}
	text, err := json.Marshal(headers)
	if err != nil {
		return "", fmt.Errorf("encode headers: %w", err)
	}
	return string(text), nil
}

func decodeHeaders(text []byte) (map[string]string, error) {
	var headers map[string]string
	if err := json.Unmarshal(text, &headers); err != nil {
		return nil, fmt.Errorf("%w: headers of the outbox row: %w", event.ErrMalformed, err)
	}
	return headers, nil
}
