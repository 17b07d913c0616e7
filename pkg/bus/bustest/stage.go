package bustest

import "testing"

// stage is what one test plays on: a broker of its own, and the services that
// the test starts on it.
type stage struct {
	*testing.T
	h      Harness
	broker Broker
}

func newStage(t *testing.T, h Harness, private bool) *stage {
	open := h.New
	if private {
		open = h.NewPrivate
	}
	return &stage{T: t, h: h, broker: open(t)}
}
