package flow_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/pkg/choreography"
	"github.com/laban-io/laban/pkg/flow"
)

// drive has a tracker do all it can with one flow.
func drive(tracker *flow.Tracker, id string) {
	at := time.Date(2026, 1, 2, 3, 14, 5, 0, time.UTC)
	offset := uint64(1000)
	place := func() flow.Place {
		offset++
		return flow.Place{Offset: offset}
	}
	look := func() {
		tracker.Survey()
		tracker.Changed(func(*flow.Snapshot) {})
		tracker.Clocks()
		at = at.Add(time.Minute)
		tracker.Pulse(&flow.Pulse{Place: place(), Time: at, Queues: []flow.QueueSeen{{Service: "payment", Queue: "payment"}}})
	}
	look()
	for i, typ := range []string{"order.placed", "stock.confirmed", "payment.rejected", "order.cancel_requested", "order.canceled", "stock.returned", "refund.processed", "x"} {
		tracker.Observe(&flow.Event{
			Place: place(), ID: string(rune('a' + i)), Source: emitters[typ], Type: typ, FlowName: "order", FlowID: id, Key: "k", CausationID: string(rune('a' + i - 1)),
			Time: at, Trace: flow.Trace{TraceID: [16]byte{byte(i)}, SpanID: [8]byte{1}},
		})
		look()
		tracker.Fail(&flow.Failure{Place: place(), EventID: "b", FlowName: "order", FlowID: id, Service: "payment", Error: "no"})
	}
	tracker.Redrive(&flow.Redrive{Place: place(), EventID: "b", FlowName: "order", FlowID: id, Service: "payment"})
	tracker.Gap(&flow.Gap{Place: place()})
	look()
	tracker.Close(&flow.Closing{Place: place(), Choreography: "order", FlowID: id})
	for range 20 {
		look()
	}
}

// states returns states of flows as a ledger keeps them.
func states(t require.TestingT) (all [][]byte, tracker []byte) {
	one := flow.New(flow.Config{})
	one.Rules(&flow.Rules{Choreography: orderContract()})
	for i := range 9 {
		at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC).Add(time.Duration(i) * 20 * time.Second)
		one.Pulse(&flow.Pulse{Place: flow.Place{Offset: uint64(2 * i)}, Time: at, Queues: []flow.QueueSeen{{Service: "payment", Ready: 1}}})
		typ := []string{"order.placed", "stock.confirmed", "refund.processed", "notification.sent", "payment.rejected", "x", "payment.confirmed", "stock.returned", "order.shipped"}[i]
		one.Observe(&flow.Event{
			Place: flow.Place{Offset: uint64(2*i + 1)}, ID: typ, Source: emitters[typ], Type: typ, FlowName: "order", FlowID: "F", Key: "k", Time: at,
			Trace: flow.Trace{TraceID: [16]byte{byte(i)}, SpanID: [8]byte{1}},
		})
		one.Fail(&flow.Failure{EventID: typ, FlowName: "order", FlowID: "F", Service: "payment", Error: "no"})
		one.Changed(func(s *flow.Snapshot) { all = append(all, append([]byte{}, s.State...)) })
	}
	require.GreaterOrEqual(t, len(all), 9)
	return all, one.State()
}

// FuzzRestoreFlow reads states that are damaged: it refuses them, or goes on
// from them as well as it can.
func FuzzRestoreFlow(f *testing.F) {
	all, _ := states(f)
	for _, state := range all {
		f.Add(state)
	}
	f.Fuzz(func(t *testing.T, state []byte) {
		tracker := flow.New(flow.Config{})
		tracker.Rules(&flow.Rules{Choreography: orderContract()})
		err := tracker.RestoreFlow("order", "order-1", "F", "k", state)
		tracker.Restored()
		if err != nil && !errors.Is(err, flow.ErrState) {
			t.Fatal(err)
		}
		drive(tracker, "F")
	})
}

func FuzzRestore(f *testing.F) {
	_, state := states(f)
	f.Add(string(state))
	f.Fuzz(func(t *testing.T, state string) {
		tracker := flow.New(flow.Config{})
		tracker.Know(orderContract())
		if err := tracker.Restore([]byte(state)); err != nil && !errors.Is(err, flow.ErrState) {
			t.Fatal(err)
		}
		tracker.Restored()
		drive(tracker, "F")
	})
}

// FuzzObserve takes events of any text at all.
func FuzzObserve(f *testing.F) {
	f.Add("id", "order", "order.placed", "k", "order", "F", "cause", int64(1), "stock.#")
	f.Add("", "", "stock.confirmed", "", "", "", "id", int64(-1), "*.*.#.")
	f.Fuzz(func(t *testing.T, id, source, typ, key, name, flowID, cause string, unix int64, binding string) {
		tracker := flow.New(flow.Config{MaxEvents: 5})
		tracker.Rules(&flow.Rules{Choreography: orderContract()})
		tracker.Announce(&flow.Announcement{Service: source, Bindings: []string{binding}})
		tracker.Announce(&flow.Announcement{Service: "inventory", Bindings: []string{binding}})
		for i := range 3 {
			tracker.Pulse(&flow.Pulse{Time: time.Unix(unix, 0), Queues: []flow.QueueSeen{{Service: source, Queue: key, Bindings: []string{binding}, BindingsKnown: i == 2}}})
			tracker.Observe(&flow.Event{
				Place: flow.Place{Offset: uint64(i)}, ID: id, Source: source, Type: typ, Key: key, FlowName: name, FlowID: flowID, CausationID: cause,
				Time: time.Unix(unix, 0),
			})
			tracker.Fail(&flow.Failure{EventID: id, Type: typ, FlowName: name, FlowID: flowID, Key: key, Service: source, Attempt: int(unix), Error: binding})
			tracker.Close(&flow.Closing{Choreography: name, FlowID: flowID, Reason: binding})
		}
		drive(tracker, flowID)
		b := newBook()
		b.write(tracker)
		drive(b.open(t, flow.Config{MaxEvents: 5}, []*choreography.Choreography{orderContract()}), flowID)
	})
}

// TestADamagedStateIsRefusedOrGoneOnFrom damages each byte of a state.
func TestADamagedStateIsRefusedOrGoneOnFrom(t *testing.T) {
	all, _ := states(t)
	contract := orderContract()
	refused := 0
	for _, state := range all[len(all)-1:] {
		for i := range state {
			for _, damage := range []func([]byte) []byte{
				func(b []byte) []byte { b[i] ^= 0x15; return b },
				func(b []byte) []byte { return b[:i] },
			} {
				tracker := flow.New(flow.Config{})
				tracker.Rules(&flow.Rules{Choreography: contract})
				if err := tracker.RestoreFlow("order", "order-1", "F", "k", damage(append([]byte{}, state...))); err != nil {
					require.ErrorIs(t, err, flow.ErrState)
					refused++
				}
				tracker.Restored()
				drive(tracker, "F")
			}
		}
	}
	require.NotZero(t, refused)
}
