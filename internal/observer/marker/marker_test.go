package marker_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"github.com/laban-io/laban/internal/observer/marker"
	"github.com/laban-io/laban/pkg/choreography"
	"github.com/laban-io/laban/pkg/flow"
)

var update = flag.Bool("update", false, "write the golden files anew")

// noon is a log time.
var noon = time.Date(2026, 3, 4, 12, 0, 0, 123_456_789, time.UTC)

// at is where an event of order 1042 was published.
func at(span byte) flow.Trace {
	return flow.Trace{TraceID: own, SpanID: [8]byte{0xa, span}, Sampled: true}
}

var own = [16]byte{0x4b, 0xf9, 0x2f, 0x35, 0x77, 0xb3, 0x4d, 0xa6, 0xa3, 0xce, 0x92, 0x9d, 0x0e, 0x0e, 0x47, 0x36}

// transitions are one of each kind that has a marker.
func transitions() map[string]flow.Transition {
	of := func(kind flow.Kind, offset uint64, change func(*flow.Transition)) flow.Transition {
		t := flow.Transition{
			Kind: kind, Choreography: "order", FlowID: "01JNFLOW", Key: "1042", At: noon.Add(10 * time.Second), Offset: offset,
			FlowTrace: own, Trace: at(byte(offset)),
		}
		change(&t)
		return t
	}
	due := flow.Due{
		Step: "payment.confirmed|payment.rejected", Service: "payment", On: "stock.confirmed", Trigger: 2,
		For: []string{"payment.confirmed", "payment.rejected"}, Since: noon, Deadline: noon.Add(10 * time.Second),
	}
	finding := flow.Finding{Cause: flow.NoConsumer, Certainty: flow.Certain, Evidence: "nobody consumes the queue payment; 3 messages wait"}
	return map[string]flow.Transition{
		"started": of(flow.Started, 1, func(*flow.Transition) {}),
		"stalled": of(flow.Overdue, 2, func(t *flow.Transition) { t.Obligation, t.Due, t.Finding = 3, due, finding }),
		"stalled-side": of(flow.Overdue, 3, func(t *flow.Transition) {
			t.Obligation, t.Due, t.Finding = 4, due, finding
			t.Due.Side, t.Due.Service, t.Due.Step, t.Due.For = true, "notification", "notification.sent", []string{"notification.sent"}
		}),
		"stalled-dead-end": of(flow.Overdue, 4, func(t *flow.Transition) {
			t.Due, t.Finding = due, flow.Finding{Cause: flow.DeadEnd, Certainty: flow.Certain, Evidence: "nobody owes it anything"}
			t.Due.Step, t.Due.For = "dead-end", []string{"order.shipped", "order.canceled"}
		}),
		"recovered": of(flow.Recovered, 5, func(t *flow.Transition) {
			t.Obligation, t.Due, t.Finding, t.At, t.Duration = 3, due, finding, noon.Add(25*time.Second), 25*time.Second
		}),
		"completed": of(flow.Ended, 6, func(t *flow.Transition) {
			t.To, t.Class, t.Duration, t.Clean = flow.Completed, choreography.Completed, 1500*time.Millisecond, true
		}),
		"failed-again": of(flow.Ended, 7, func(t *flow.Transition) {
			t.To, t.Class, t.Duration, t.Again = flow.Failed, choreography.Failed, 3*time.Second, true
		}),
		"inconsistent": of(flow.Changed, 8, func(t *flow.Transition) { t.From, t.To = flow.Running, flow.Inconsistent }),
		"closed":       of(flow.Shut, 9, func(t *flow.Transition) { t.Detail = "paid by hand (ada)" }),
		// The trigger was published in another trace of the flow: a redrive's.
		"stalled-elsewhere": of(flow.Overdue, 10, func(t *flow.Transition) {
			t.Obligation, t.Due, t.Finding, t.Trace.TraceID = 3, due, finding, [16]byte{9}
		}),
		"completed-elsewhere": of(flow.Ended, 11, func(t *flow.Transition) {
			t.To, t.Class, t.Trace.TraceID = flow.Completed, choreography.Completed, [16]byte{9}
		}),
		// No event had a trace context.
		"started-untraced": of(flow.Started, 12, func(t *flow.Transition) { t.Trace, t.FlowTrace = flow.Trace{}, [16]byte{} }),
		"stalled-untraced": of(flow.Overdue, 13, func(t *flow.Transition) {
			t.Obligation, t.Due, t.Finding, t.Trace, t.FlowTrace = 3, due, finding, flow.Trace{}, [16]byte{}
		}),
	}
}

// decode reads a marker's span.
func decode(t require.TestingT, data []byte) (*tracepb.ResourceSpans, *tracepb.Span) {
	var r tracepb.ResourceSpans
	require.NoError(t, proto.Unmarshal(data, &r))
	require.Len(t, r.GetScopeSpans(), 1)
	require.Len(t, r.GetScopeSpans()[0].GetSpans(), 1)
	return &r, r.GetScopeSpans()[0].GetSpans()[0]
}

func TestMarkersAreTheseBytes(t *testing.T) {
	for name, tr := range transitions() {
		t.Run(name, func(t *testing.T) {
			m, ok := marker.From(&tr)
			require.True(t, ok)
			require.Equal(t, "order", m.Choreography)
			require.Equal(t, "01JNFLOW", m.FlowID)
			require.Equal(t, tr.Offset, m.Offset)
			require.Equal(t, strings.Split(name, "-")[0], m.Kind)
			golden(t, name+".bin", m.Data)
			// The same to read. What prototext writes varies with the program
			// that it is compiled into, so it is read again to be compared.
			got, _ := decode(t, m.Data)
			path := filepath.Join("testdata", name+".txt")
			if *update {
				require.NoError(t, os.WriteFile(path, []byte(prototext.Format(got)), 0o600))
			}
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			var want tracepb.ResourceSpans
			require.NoError(t, prototext.Unmarshal(text, &want))
			require.Empty(t, cmpProto(&want, got))
		})
	}
}

func cmpProto(want, got proto.Message) string {
	if proto.Equal(want, got) {
		return ""
	}
	return "want " + prototext.Format(want) + "\ngot " + prototext.Format(got)
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.WriteFile(path, got, 0o600))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, want, got, "%s: markers in a ledger would be other spans than those of a replay", name)
}

func TestWhatHasNoMarker(t *testing.T) {
	ended := transitions()["completed"]
	for name, change := range map[string]func(*flow.Transition){
		"a payment":             func(tr *flow.Transition) { tr.Kind = flow.Paid },
		"a new cause":           func(tr *flow.Transition) { tr.Kind = flow.Reasoned },
		"a lifted obligation":   func(tr *flow.Transition) { tr.Kind = flow.Lifted },
		"a deviation":           func(tr *flow.Transition) { tr.Kind = flow.Deviated },
		"another status":        func(tr *flow.Transition) { tr.Kind, tr.To = flow.Changed, flow.Stalled },
		"an inconsistent end":   func(tr *flow.Transition) { tr.To = flow.Inconsistent },
		"before the first tick": func(tr *flow.Transition) { tr.At = time.Time{} },
	} {
		tr := ended
		change(&tr)
		_, ok := marker.From(&tr)
		require.False(t, ok, name)
	}
}

func TestMarkersHaveTheirPlaceInTheTrace(t *testing.T) {
	spans := map[string]*tracepb.Span{}
	ids := map[string]string{}
	for name, tr := range transitions() {
		m, _ := marker.From(&tr)
		_, spans[name] = decode(t, m.Data)
		id := string(spans[name].GetSpanId())
		if other, taken := ids[id]; taken {
			require.ElementsMatch(t, []string{"started", "started-untraced"}, []string{name, other}, "two markers have one span id")
		}
		ids[id] = name
		require.Len(t, id, 8)
		require.LessOrEqual(t, spans[name].GetStartTimeUnixNano(), spans[name].GetEndTimeUnixNano())
	}
	stalled := spans["stalled"]
	require.Equal(t, "stalled: payment.confirmed | payment.rejected", stalled.GetName())
	require.Equal(t, own[:], stalled.GetTraceId())
	require.Equal(t, []byte{0xa, 2, 0, 0, 0, 0, 0, 0}, stalled.GetParentSpanId(), "the trigger's span")
	require.Equal(t, uint64(noon.UnixNano()), stalled.GetStartTimeUnixNano())
	require.Equal(t, uint64(noon.Add(10*time.Second).UnixNano()), stalled.GetEndTimeUnixNano())
	require.Equal(t, tracepb.Status_STATUS_CODE_ERROR, stalled.GetStatus().GetCode())
	require.Equal(t, stalled.GetEndTimeUnixNano(), spans["recovered"].GetStartTimeUnixNano(), "it goes on where the stall's span ends")

	elsewhere := spans["stalled-elsewhere"]
	require.Equal(t, byte(9), elsewhere.GetTraceId()[0], "beside the trigger")
	require.Equal(t, own[:], elsewhere.GetLinks()[0].GetTraceId())
	require.Equal(t, spans["started"].GetSpanId(), elsewhere.GetLinks()[0].GetSpanId(), "linked to where the flow started")
	require.Equal(t, own[:], spans["completed-elsewhere"].GetTraceId(), "an end belongs to the flow's own trace")
	require.Equal(t, byte(9), spans["completed-elsewhere"].GetLinks()[0].GetTraceId()[0])
	require.Empty(t, spans["completed-elsewhere"].GetParentSpanId())

	derived := marker.TraceID("order", "01JNFLOW")
	require.Equal(t, derived[:], spans["started-untraced"].GetTraceId())
	require.Empty(t, spans["started-untraced"].GetParentSpanId())
	require.Equal(t, derived[:], spans["stalled-untraced"].GetTraceId())
	require.Equal(t, spans["started-untraced"].GetSpanId(), spans["stalled-untraced"].GetParentSpanId())
}

func TestNamesDoNotRunIntoOneAnother(t *testing.T) {
	require.NotEqual(t, marker.TraceID("order", "1"), marker.TraceID("order1", ""))
	require.NotEqual(t, marker.TraceID("a", "b"), marker.TraceID("b", "a"))
}

func TestPasswordsStayOut(t *testing.T) {
	tr := transitions()["stalled"]
	tr.Finding.Evidence = "payment gave up after 5 attempts: dial amqp://bob:s3cret@broker/: refused"
	m, ok := marker.From(&tr)
	require.True(t, ok)
	require.NotContains(t, string(m.Data), "s3cret")
	require.Contains(t, string(m.Data), "amqp://REDACTED@broker/")
}

func TestAnyTextMakesAMarker(t *testing.T) {
	anyText := rapid.Custom(func(t *rapid.T) string {
		return string(rapid.SliceOfN(rapid.Byte(), 0, 20).Draw(t, "bytes")) + strings.Repeat(rapid.SampledFrom([]string{"", "é", "\xff"}).Draw(t, "much"), 4000)
	})
	rapid.Check(t, func(t *rapid.T) {
		kinds := transitions()
		tr := kinds[rapid.SampledFrom([]string{"started", "stalled", "recovered", "closed", "completed"}).Draw(t, "kind")]
		for _, field := range []*string{&tr.Choreography, &tr.FlowID, &tr.Key, &tr.Detail, &tr.Due.Step, &tr.Due.Service, &tr.Due.On, &tr.Finding.Evidence} {
			*field = anyText.Draw(t, "text")
		}
		tr.Due.For = rapid.SliceOfN(anyText, 0, 100).Draw(t, "for")
		m, ok := marker.From(&tr)
		require.True(t, ok)
		require.Less(t, len(m.Data), 64<<10)
		again, _ := marker.From(&tr)
		require.Equal(t, m, again, "the same transition gives the same bytes")
		_, span := decode(t, m.Data)
		for _, a := range span.GetAttributes() {
			require.True(t, utf8.ValidString(a.GetValue().GetStringValue()))
		}
	})
}
