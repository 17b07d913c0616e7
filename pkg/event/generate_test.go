package event_test

import (
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/laban-io/laban/pkg/event"
)

// diff compares two events as their readers see them.
func diff(want, got event.Event) string {
	return cmp.Diff(want, got, cmpopts.EquateEmpty(), cmpopts.IgnoreUnexported(event.Event{}))
}

// attribute draws a value that an attribute can have.
func attribute(shortest int) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		// Four bytes a rune at most, so that any draw fits.
		return rapid.StringOfN(rapid.RuneFrom([]rune("aZ9 .:/-_é№漢🎉\u00a0\ufffd")), shortest, event.MaxAttribute/4, -1).Draw(t, "attribute")
	})
}

// instant draws a time that RFC 3339 can write, in some zone.
func instant() *rapid.Generator[time.Time] {
	return rapid.Custom(func(t *rapid.T) time.Time {
		seconds := rapid.Int64Range(-62135596799, 253402300799).Draw(t, "seconds")
		nanos := rapid.Int64Range(0, 999_999_999).Draw(t, "nanoseconds")
		zone := time.FixedZone("", rapid.IntRange(-14*60, 14*60).Draw(t, "zone")*60)
		return time.Unix(seconds, nanos).In(zone)
	})
}

// valid draws an event that may be published.
func valid() *rapid.Generator[event.Event] {
	return rapid.Custom(func(t *rapid.T) event.Event {
		e := event.Event{
			ID:              attribute(1).Draw(t, "id"),
			Source:          attribute(1).Draw(t, "source"),
			Type:            attribute(1).Draw(t, "type"),
			Subject:         attribute(0).Draw(t, "subject"),
			Time:            instant().Draw(t, "time"),
			CausationID:     attribute(0).Draw(t, "causationid"),
			ServiceVersion:  attribute(0).Draw(t, "serviceversion"),
			DataContentType: attribute(0).Draw(t, "datacontenttype"),
			DataSchema:      attribute(0).Draw(t, "dataschema"),
			Data:            rapid.SliceOf(rapid.Byte()).Draw(t, "data"),
		}
		if rapid.Bool().Draw(t, "in a flow") {
			e.FlowName, e.FlowID = attribute(1).Draw(t, "flowname"), attribute(1).Draw(t, "flowid")
		}
		if rapid.Bool().Draw(t, "caused") {
			e.TriggerTime = instant().Draw(t, "triggertime")
		}
		names := rapid.StringMatching(`x[a-z0-9]{0,20}`) // no attribute begins with x
		e.Extensions = rapid.MapOfN(names, attribute(0), 0, 8).Draw(t, "extensions")
		return e
	})
}
