package event_test

import (
	"maps"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/laban-io/laban/pkg/event"
)

// Whatever may be published is read as it was written, under either prefix, and
// as Carry says.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := valid().Draw(t, "event")
		b, err := event.Marshal(e)
		if err != nil {
			t.Fatalf("a valid event is refused: %v", err)
		}
		got, err := event.Unmarshal(b)
		if err != nil {
			t.Fatalf("what was written can't be read: %v", err)
		}
		if d := diff(e, got); d != "" {
			t.Fatalf("(-written +read)\n%s", d)
		}
		carried, err := event.Carry(e)
		if err != nil {
			t.Fatal(err)
		}
		if d := diff(got, carried); d != "" {
			t.Fatalf("(-read +carried)\n%s", d)
		}

		b.Headers = maps.Collect(func(yield func(string, any) bool) {
			for name, value := range b.Headers {
				if !yield(strings.Replace(name, event.Prefix, event.AltPrefix, 1), value) {
					return
				}
			}
		})
		other, err := event.Unmarshal(b)
		if err != nil {
			t.Fatal(err)
		}
		if d := diff(got, other); d != "" {
			t.Fatalf("(-under one prefix +under the other)\n%s", d)
		}
	})
}

// What Marshal refuses Carry refuses, and the other way round.
func TestCarryIsAsStrictAsMarshal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := valid().Draw(t, "event")
		text := rapid.SampledFrom([]string{"", "ok", "nul \x00", "\xff", strings.Repeat("x", 256), "\ufffe", "application/cloudevents"}).Draw(t, "text")
		switch rapid.IntRange(0, 6).Draw(t, "attribute") {
		case 0:
			e.ID = text
		case 1:
			e.Subject = text
		case 2:
			e.FlowID = text
		case 3:
			e.DataContentType = text
		case 4:
			e.Extensions = map[string]string{"tenant": text}
		case 5:
			e.Extensions = map[string]string{text: "x"}
		case 6:
			e.Time = e.Time.AddDate(rapid.IntRange(0, 12000).Draw(t, "years"), 0, 0)
		}
		_, marshalErr := event.Marshal(e)
		carried, carryErr := event.Carry(e)
		if (marshalErr == nil) != (carryErr == nil) {
			t.Fatalf("Marshal says %v, Carry says %v", marshalErr, carryErr)
		}
		if marshalErr != nil {
			return
		}
		b, _ := event.Marshal(e)
		got, err := event.Unmarshal(b)
		if err != nil {
			t.Fatalf("what was written can't be read: %v", err)
		}
		if d := diff(got, carried); d != "" {
			t.Fatalf("(-read +carried)\n%s", d)
		}
	})
}

// The zone and the monotonic clock do not travel.
func TestCarriedTimes(t *testing.T) {
	e := minimal()
	e.Time = time.Now().In(time.FixedZone("", 7200))
	e.TriggerTime = e.Time.Add(-time.Second)
	c, err := event.Carry(e)
	if err != nil {
		t.Fatal(err)
	}
	if want := e.Time.Round(0).UTC(); c.Time != want {
		t.Errorf("carried %v, want %v", c.Time, want)
	}
	if want := e.TriggerTime.Round(0).UTC(); c.TriggerTime != want {
		t.Errorf("carried %v, want %v", c.TriggerTime, want)
	}
}
