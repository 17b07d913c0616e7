package mapping

import (
	"encoding/hex"

	"github.com/laban-io/laban/pkg/flow"
)

// ParseTraceparent reads a W3C traceparent header, version 00 or what a later
// one has in common with it (W3C Trace Context, section 3.2). Anything else is
// no trace.
func ParseTraceparent(text string) flow.Trace {
	const length = len("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	if len(text) < length || text[2] != '-' || text[35] != '-' || text[52] != '-' {
		return flow.Trace{}
	}
	if len(text) > length && (text[:2] == "00" || text[length] != '-') {
		return flow.Trace{}
	}
	var t flow.Trace
	var version, flags [1]byte
	for _, part := range [...]struct {
		to   []byte
		text string
	}{{version[:], text[:2]}, {t.TraceID[:], text[3:35]}, {t.SpanID[:], text[36:52]}, {flags[:], text[53:55]}} {
		for i := range len(part.text) {
			if c := part.text[i]; c >= 'A' && c <= 'F' {
				return flow.Trace{} // the header is lower case
			}
		}
		if _, err := hex.Decode(part.to, []byte(part.text)); err != nil {
			return flow.Trace{}
		}
	}
	if version[0] == 0xff || t.IsZero() || t.SpanID == [8]byte{} {
		return flow.Trace{}
	}
	t.Sampled = flags[0]&1 != 0
	return t
}
