package event_test

import (
	"errors"
	"testing"
	"time"

	"github.com/laban-io/laban/pkg/event"
)

// checkRead holds for whatever is read: either it is malformed, or it can be
// written again and is then read as the same.
func checkRead(t *testing.T, b event.Binary) {
	t.Helper()
	e, err := event.Unmarshal(b)
	if err != nil {
		if !errors.Is(err, event.ErrMalformed) {
			t.Fatalf("an error of another kind: %v", err)
		}
		if len(err.Error()) > 1000 {
			t.Fatalf("an error of %d bytes", len(err.Error()))
		}
		return
	}
	// These two may be missing in what is read.
	if e.Source == "" {
		e.Source = "unknown"
	}
	if e.Time.IsZero() {
		e.Time = time.Unix(0, 0)
	}
	again, err := event.Marshal(e)
	if err != nil {
		t.Fatalf("what was read can't be written: %v\n%+v", err, e)
	}
	got, err := event.Unmarshal(again)
	if err != nil {
		t.Fatalf("what was written can't be read: %v\n%+v", err, e)
	}
	if d := diff(e, got); d != "" {
		t.Fatalf("(-read +read again)\n%s", d)
	}
	_ = event.PlainHeaders(b.Headers)
}

func FuzzUnmarshal(f *testing.F) {
	f.Add("m-1", "order.placed", "f-1", "order", "application/json", "order.placed", int64(1_700_000_000), "cloudEvents:id", "1", "cloudEvents:time", "2026-01-02T03:04:05.6+01:00", int64(7), []byte(`{}`))
	f.Add("", "", "", "", "", "", int64(0), "", "", "", "", int64(0), []byte(nil))
	f.Add("m", "", "f", "", "", "t", int64(-1), "cloudEvents_flowname", "order", "cloudEvents:flowname", "order", int64(-7), []byte("\x00"))
	f.Add("m", "", "", "", "", "t", int64(1)<<60, "cloudEvents:specversion", "2.0", "cloudEvents:subject", "\x1b[2J", int64(1), []byte("x"))
	f.Add("m", "", "", "", "application/cloudevents+json", "t", int64(0), "cloudEvents:datacontenttype", "application/cloudevents", "x", "y", int64(0), []byte(`{"id":"1","data":{}}`))
	f.Add("m", "t", "", "", "application/cloudevents", "t", int64(0), "cloudEvents:triggertime", "9999-12-31T23:59:59-12:00", "cloudEvents:flowid", "f", int64(0), []byte(`{}`))
	f.Add("\xff", "t\u0085", "", "\ufdd0", "", "", int64(253402300800), "cloudEvents:tenant", "", "cloudEvents:Tenant", "x", int64(0), []byte(`{}`))
	f.Fuzz(func(t *testing.T, messageID, typ, correlationID, appID, contentType, routingKey string, timestamp int64,
		name1, value1, name2, value2 string, number int64, body []byte,
	) {
		checkRead(t, event.Binary{
			MessageID: messageID, Type: typ, CorrelationID: correlationID, AppID: appID, ContentType: contentType,
			RoutingKey: routingKey, Timestamp: time.Unix(timestamp, 0), Body: body,
			Headers: map[string]any{
				name1: value1, name2: []byte(value2),
				event.Prefix + name1: value2, event.AltPrefix + name2: number,
				"cloudEvents:priority": number, "table": map[string]any{name1: value1},
			},
		})
	})
}

func FuzzStructured(f *testing.F) {
	for _, body := range []string{
		`{"specversion":"1.0","id":"1","source":"/shop","type":"order.placed","time":"2026-01-02T03:04:05Z","data":{"amount":4900}}`,
		`{"id":"1","type":"t","datacontenttype":"text/plain","data":"text","flowname":"order","flowid":"f"}`,
		`{"id":"1","type":"t","data_base64":"AAH/","count":12345678901234567890,"yes":true,"none":null}`,
		`{"id":1,"type":1e400,"data":null,"data_base64":null}`,
		`{"id":"\u0000","type":"\ud800"}`,
		`{"id":"a","id":"b","type":"t","datacontenttype":"application/cloudevents+json"}`,
		`[]`, `null`, `"text"`, `{`, ``,
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		checkRead(t, event.Binary{MessageID: "m", RoutingKey: "t", ContentType: "application/cloudevents+json", Body: body})
	})
}
