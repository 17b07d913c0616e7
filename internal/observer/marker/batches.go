package marker

import (
	"iter"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/laban-io/laban/internal/ledger"
)

// batches cuts markers into what is sent at once: never more than maxBatch, nor
// than maxBytes unless one alone is larger.
func batches(markers []ledger.Marker) iter.Seq[[]ledger.Marker] {
	return func(yield func([]ledger.Marker) bool) {
		for len(markers) > 0 {
			n, size := 1, len(markers[0].Data)
			for n < len(markers) && n < maxBatch && size+len(markers[n].Data) <= maxBytes {
				size += len(markers[n].Data)
				n++
			}
			if !yield(markers[:n]) {
				return
			}
			markers = markers[n:]
		}
	}
}

// decode reads markers as the clients want them, and leaves out those that
// can't be read. What it reads is encoded again to the same bytes: the encoding
// keeps the order of fields, and has no maps.
func decode(markers []ledger.Marker) (readable []ledger.Marker, spans []*tracepb.ResourceSpans) {
	for i := range markers {
		s := &tracepb.ResourceSpans{}
		if err := proto.Unmarshal(markers[i].Data, s); err == nil && len(s.GetScopeSpans()) > 0 {
			readable, spans = append(readable, markers[i]), append(spans, s)
		}
	}
	return readable, spans
}
