package event

import (
	"bytes"
	"maps"
	"time"
)

// Clone returns a copy of e that shares no memory with it.
func (e Event) Clone() Event {
	e.Data = bytes.Clone(e.Data)
	e.Extensions = maps.Clone(e.Extensions)
	return e
}

// Carry returns e as [Unmarshal] returns it after [Marshal], or the error that
// Marshal returns; the copy shares no memory with e. It lets a transport
// without a wire keep to the rules of one that has it.
func Carry(e Event) (Event, error) {
	if err := e.Validate(); err != nil {
		return Event{}, err
	}
	e.Time, e.TriggerTime = carryTime(e.Time), carryTime(e.TriggerTime)
	return e.Clone(), nil
}

// carryTime drops what does not travel: the zone and the monotonic reading.
func carryTime(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC().Round(0)
}
