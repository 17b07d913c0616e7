package marker

import (
	"strings"
	"time"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/laban-io/laban/internal/ledger"
	"github.com/laban-io/laban/pkg/flow"
)

// The kinds of marker, which are the first words of their spans' names.
const (
	kindStarted      = "started"
	kindStalled      = "stalled"
	kindRecovered    = "recovered"
	kindInconsistent = "inconsistent"
	kindClosed       = "closed"
	// Those of an end are the names of the statuses completed and failed.
)

// From returns the marker of a transition, and whether it has one. These have:
//
//   - Started
//   - Overdue and Recovered, of side obligations too. An obligation that is
//     lifted has not recovered, and a cause that changes is the ledger's.
//   - Changed, to inconsistent, and Ended, to any other status
//   - Shut
//
// A transition before the log's first pulse has none: nobody knows what time it
// was.
func From(t *flow.Transition) (ledger.Marker, bool) {
	if t.At.IsZero() {
		return ledger.Marker{}, false
	}
	kind := kindOf(t)
	if kind == "" {
		return ledger.Marker{}, false
	}
	return ledger.Marker{
		Choreography: t.Choreography, FlowID: t.FlowID, Kind: kind, Offset: t.Offset,
		Data: encode(span(kind, t)),
	}, true
}

// kindOf returns the kind of marker that a transition has, or "".
func kindOf(t *flow.Transition) string {
	switch t.Kind {
	case flow.Started:
		return kindStarted
	case flow.Overdue:
		return kindStalled
	case flow.Recovered:
		return kindRecovered
	case flow.Changed:
		if t.To == flow.Inconsistent {
			return kindInconsistent
		}
	case flow.Ended:
		// One that ends inconsistent has become so by a change.
		if t.To != flow.Inconsistent {
			return t.To.String()
		}
	case flow.Shut:
		return kindClosed
	default:
	}
	return ""
}

// span makes the span of a marker.
func span(kind string, t *flow.Transition) *tracepb.Span {
	s := &tracepb.Span{Name: kind, Kind: tracepb.Span_SPAN_KIND_INTERNAL, Attributes: attributes(kind, t)}
	s.StartTimeUnixNano, s.EndTimeUnixNano = nanos(t.At), nanos(t.At)
	s.SpanId = spanID(kind, t.Choreography, t.FlowID, t.Obligation, t.Offset)
	switch kind {
	case kindStarted:
		s.SpanId = startedID(t.Choreography, t.FlowID)
	case kindStalled:
		s.Name = kindStalled + ": " + name(strings.ReplaceAll(t.Due.Step, "|", " | "))
		s.StartTimeUnixNano, s.EndTimeUnixNano = between(t.Due.Since, t.Due.Deadline, t.At)
		s.Status = failed(t.Due.Service + " owes " + strings.Join(t.Due.For, " or ") + "; " + t.Finding.Cause.String() + ": " + t.Finding.Evidence)
	case kindRecovered:
		s.StartTimeUnixNano, s.EndTimeUnixNano = between(t.Due.Deadline, t.At, t.At)
	case kindInconsistent:
		s.Status = failed("the flow ended both well and badly, or something was undone that was not done")
	}
	place(s, kind, t)
	return s
}

func failed(message string) *tracepb.Status {
	return &tracepb.Status{Code: tracepb.Status_STATUS_CODE_ERROR, Message: sentence(message)}
}

// TraceOf returns the trace that a transition's marker is in, or would be if it
// had one. Stalls and recoveries are beside the event they are about, in
// whichever of the flow's traces that is; all else is in the flow's own trace,
// or in one derived from its name where it has none.
func TraceOf(t *flow.Transition) [16]byte {
	switch {
	case (t.Kind == flow.Overdue || t.Kind == flow.Recovered) && !t.Trace.IsZero():
		return t.Trace.TraceID
	case t.FlowTrace != [16]byte{}:
		return t.FlowTrace
	default:
		return TraceID(t.Choreography, t.FlowID)
	}
}

// place puts a span into its trace: as a child of the span that published the
// event it is about, where that is in the same trace, and otherwise with a link
// to it.
func place(s *tracepb.Span, kind string, t *flow.Transition) {
	own, derived := t.FlowTrace, false
	if own == [16]byte{} {
		own, derived = TraceID(t.Choreography, t.FlowID), true
	}
	home := TraceOf(t)
	s.TraceId = home[:]
	s.Flags = sampled
	switch {
	case t.Trace.TraceID == home:
		s.ParentSpanId = t.Trace.SpanID[:]
		s.Flags |= remoteParent
	case derived && kind != kindStarted:
		s.ParentSpanId = startedID(t.Choreography, t.FlowID)
	case !t.Trace.IsZero():
		s.Links = append(s.Links, &tracepb.Span_Link{TraceId: t.Trace.TraceID[:], SpanId: t.Trace.SpanID[:]})
	}
	if home != own {
		s.Links = append(s.Links, &tracepb.Span_Link{TraceId: own[:], SpanId: startedID(t.Choreography, t.FlowID)})
	}
}

// Flags of a span.
//
// Source: opentelemetry-proto, trace.proto, enum SpanFlags, and W3C Trace
// Context, trace-flags.
const (
	sampled      = 0x001
	remoteParent = 0x100 | 0x200 // whether the parent is remote is known, and it is
)

// between returns the times of a span from one moment to another; fallback
// stands for the end where it is unknown, and the end for the start.
func between(from, to, fallback time.Time) (start, end uint64) {
	if to.IsZero() {
		to = fallback
	}
	if from.IsZero() || from.After(to) {
		from = to
	}
	return nanos(from), nanos(to)
}

// nanos returns a log time as OTLP wants it.
func nanos(at time.Time) uint64 { return uint64(max(at.UnixNano(), 0)) }
