package bustest

import "testing"

// Run runs the suite against brokers of h, each test as a subtest of t.
func Run(t *testing.T, h Harness) {
	h.setDefaults()
	for _, c := range cases() {
		if c.needs != nil && !c.needs(h.Features) {
			continue
		}
		t.Run(c.name, func(t *testing.T) { c.run(newStage(t, h, c.private)) })
	}
}

// testCase is one test of the suite.
type testCase struct {
	name    string
	needs   func(Features) bool // nil: every broker can do it
	private bool                // runs on a broker of Harness.NewPrivate
	run     func(*stage)
}

// cases is the suite, from what everything else builds upon to what goes wrong.
func cases() []testCase {
	return nil
}
