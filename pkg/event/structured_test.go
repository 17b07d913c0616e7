package event_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/pkg/event"
)

func structured(body string) event.Binary {
	return event.Binary{MessageID: "native", RoutingKey: "key", ContentType: "application/cloudevents+json", Body: []byte(body)}
}

func TestStructured(t *testing.T) {
	for name, c := range map[string]struct {
		body string
		want event.Event
	}{
		"everything": {
			`{"specversion":"1.0","id":"1","source":"/shop","type":"order.placed","subject":"1042","time":"2026-01-02T03:04:05Z",
			  "datacontenttype":"application/json","dataschema":"s","flowname":"order","flowid":"f","causationid":"c",
			  "triggertime":"2026-01-02T03:04:04.5Z","serviceversion":"2","tenant":"eu","data":{"amount": 4900}}`,
			event.Event{
				ID: "1", Source: "/shop", Type: "order.placed", Subject: "1042", Time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
				DataContentType: "application/json", DataSchema: "s", FlowName: "order", FlowID: "f", CausationID: "c",
				TriggerTime: time.Date(2026, 1, 2, 3, 4, 4, 500_000_000, time.UTC), ServiceVersion: "2",
				Extensions: map[string]string{"tenant": "eu"}, Data: []byte(`{"amount": 4900}`),
			},
		},
		"native properties help out": {`{}`, event.Event{ID: "native", Type: "key"}},
		"binary data":                {`{"data_base64":"AAH/"}`, event.Event{ID: "native", Type: "key", Data: []byte{0, 1, 255}}},
		"JSON by default":            {`{"data":[1]}`, event.Event{ID: "native", Type: "key", DataContentType: "application/json", Data: []byte("[1]")}},
		"a JSON string":              {`{"datacontenttype":"application/vnd.x+json","data":"t"}`, event.Event{ID: "native", Type: "key", DataContentType: "application/vnd.x+json", Data: []byte(`"t"`)}},
		"text":                       {`{"datacontenttype":"text/plain","data":"l\u00fcne"}`, event.Event{ID: "native", Type: "key", DataContentType: "text/plain", Data: []byte("lüne")}},
		"an object as XML":           {`{"datacontenttype":"application/xml","data":{}}`, event.Event{ID: "native", Type: "key", DataContentType: "application/xml", Data: []byte("{}")}},
		"numbers keep their digits": {
			`{"count":12345678901234567890,"million":1000000,"half":0.50,"yes":true,"none":null,"table":{},"list":[]}`,
			event.Event{ID: "native", Type: "key", Extensions: map[string]string{
				"count": "12345678901234567890", "million": "1000000", "half": "0.50", "yes": "true",
			}},
		},
		"names that are none of ours": {`{"ID":"x","my_ext":"x","Tenant":"x"}`, event.Event{ID: "native", Type: "key"}},
	} {
		t.Run(name, func(t *testing.T) {
			e, err := event.Unmarshal(structured(c.body))
			require.NoError(t, err)
			require.Empty(t, diff(c.want, e))
		})
	}
}

func TestStructuredContentType(t *testing.T) {
	for contentType, want := range map[string]string{
		"application/cloudevents+json":                "inside",
		"application/cloudevents+json; charset=utf-8": "inside",
		"Application/CloudEvents+JSON;charset=utf-8":  "inside",
		"application/json":                            "native",
	} {
		b := structured(`{"id":"inside"}`)
		b.ContentType = contentType
		e, err := event.Unmarshal(b)
		require.NoError(t, err, contentType)
		require.Equal(t, want, e.ID, contentType)
	}
	b := structured(`{"id":"inside"}`)
	b.ContentType = "application/cloudevents+jsonx" // another format
	_, err := event.Unmarshal(b)
	require.ErrorIs(t, err, event.ErrMalformed)
}

func TestStructuredRefuses(t *testing.T) {
	for name, body := range map[string]string{
		"no JSON":         `{"id":`,
		"no object":       `[]`,
		"nothing":         ``,
		"base64":          `{"data_base64":"%%"}`,
		"base64 number":   `{"data_base64":7}`,
		"version":         `{"specversion":"0.3"}`,
		"control":         `{"subject":"\u0000"}`,
		"a nested format": `{"datacontenttype":"application/cloudevents+json","data":{}}`,
	} {
		t.Run(name, func(t *testing.T) {
			e, err := event.Unmarshal(structured(body))
			require.ErrorIs(t, err, event.ErrMalformed)
			require.Equal(t, "native", e.ID, "so that it can be told apart where it is parked")
		})
	}
	e, err := event.Unmarshal(structured(`broken`))
	require.Error(t, err)
	require.Equal(t, "broken", string(e.Data), "a body that can't be read is kept")
}
