package messaging

// SettleSpans says which deliveries get a span of their own for being settled.
// Metrics count every one of them. See docs/adr/0004-settle-spans.md.
type SettleSpans int

// The choices. The zero value is SettleSpansUnlessAcked.
const (
	// SettleSpansUnlessAcked: those that are settled in any way but a plain
	// acknowledgement.
	SettleSpansUnlessAcked SettleSpans = iota
	// SettleSpansAll: every delivery.
	SettleSpansAll
	// SettleSpansNone: none.
	SettleSpansNone
)

// Want tells whether a delivery gets one.
func (s SettleSpans) Want(acked bool) bool {
	switch s {
	case SettleSpansAll:
		return true
	case SettleSpansNone:
		return false
	default:
		return !acked
	}
}
