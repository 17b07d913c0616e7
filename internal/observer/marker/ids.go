package marker

import (
	"crypto/sha256"
	"encoding/binary"
)

// TraceID returns the trace that a flow's markers are in where none of its
// events had a trace context. It depends on the two names alone.
func TraceID(choreography, flowID string) [16]byte {
	sum := digest("trace", choreography, flowID, 0, 0)
	return [16]byte(sum[:16])
}

// spanID returns a marker's span id. That of "started" has no offset in it, so
// that the flow's other markers can name it.
func spanID(kind, choreography, flowID string, obligation int, offset uint64) []byte {
	sum := digest(kind, choreography, flowID, uint64(obligation), offset) //nolint:gosec // the sign does not matter to a digest
	return sum[:8]
}

// startedID returns the span id of a flow's "started" marker.
func startedID(choreography, flowID string) []byte {
	return spanID(kindStarted, choreography, flowID, 0, 0)
}

// digest hashes its arguments, each with its length, so that no two lists of
// arguments are the same to it. The chance that an id is all zeros, which W3C
// forbids, is that of meeting another flow's id.
func digest(kind, choreography, flowID string, obligation, offset uint64) [sha256.Size]byte {
	b := make([]byte, 0, 128)
	for _, text := range [...]string{"laban marker", kind, choreography, flowID} {
		b = binary.AppendUvarint(b, uint64(len(text)))
		b = append(b, text...)
	}
	b = binary.AppendUvarint(b, obligation)
	b = binary.AppendUvarint(b, offset)
	return sha256.Sum256(b)
}
