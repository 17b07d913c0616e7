package event_test

import (
	"testing"

	"github.com/laban-io/laban/pkg/event"
)

// benchEvent is an event in the middle of a flow, of the size that the figures
// in docs/benchmarks.md are for.
func benchEvent() event.Event {
	e := complete()
	e.ID, e.FlowID, e.CausationID = event.NewID(), event.NewID(), event.NewID()
	e.Data, e.DataSchema, e.Extensions = make([]byte, 512), "", nil
	return e
}

func BenchmarkMarshal(b *testing.B) {
	e := benchEvent()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := event.Marshal(e); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkUnmarshal(b *testing.B) {
	bin, err := event.Marshal(benchEvent())
	if err != nil {
		b.Fatal(err)
	}
	bin.Headers["traceparent"] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	b.ReportAllocs()
	for b.Loop() {
		if _, err := event.Unmarshal(bin); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCarry(b *testing.B) {
	e := benchEvent()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := event.Carry(e); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkValidate(b *testing.B) {
	e := benchEvent()
	b.ReportAllocs()
	for b.Loop() {
		if err := e.Validate(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkNewID(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		event.NewID()
	}
}
