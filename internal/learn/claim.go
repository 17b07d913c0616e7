package learn

import "slices"

// claim is a hypothesis of how some answers of a service come about.
type claim struct {
	service int
	kind    kind
	emits   []int
	on      []int
	undoes  int // of an undo, what it undoes; -1 otherwise
	unless  int // -1 without
	ifs     int // -1 without
	// inferred tells that no causation ids say so.
	inferred bool
	// guessed tells that counts could not tell an undo from a plain reaction.
	guessed bool
	// mixed tells that some of the answers came unprompted.
	mixed bool

	tally tally
	cost  float64
	// bare is the cost without the condition.
	bare float64
	wait float64 // nanoseconds between what made answers owed and them
	// rivals are triggers that explain the answers as well.
	rivals [][]int
}

// kind is the form of a reaction.
type kind int

const (
	unprompted kind = iota
	anyOf
	allOf
	undo
)

// tally is how a claim fits what was seen.
type tally struct {
	expected, met    int // obligations
	missing, surplus int // expected and not there, there and not expected
}

// newClaim returns a claim without conditions.
func newClaim(service int, k kind, emits, on []int) claim {
	return claim{service: service, kind: k, emits: emits, on: slices.Clone(on), undoes: -1, unless: -1, ifs: -1}
}

// owed is how many answers a flow with this history owes.
func (c *claim) owed(h *history) int {
	if c.ifs >= 0 && h.types[c.ifs] == 0 {
		return 0
	}
	switch c.kind {
	case anyOf:
		n := 0
		for _, t := range c.on {
			n += h.types[t]
		}
		return n
	case allOf:
		n := h.types[c.on[0]]
		for _, t := range c.on[1:] {
			n = min(n, h.types[t])
		}
		return n
	case undo:
		for _, t := range c.on {
			if h.types[t] > 0 {
				return h.types[c.undoes]
			}
		}
		return 0
	default:
		return 0
	}
}

// void tells whether what is owed need not come.
func (c *claim) void(h *history) bool { return c.unless >= 0 && h.types[c.unless] > 0 }

// answers is how many answers a history has.
func (m *model) answers(c *claim, h *history) int {
	n := 0
	if numbers := m.numbers[c.service]; numbers != nil {
		for _, t := range c.emits {
			if i := numbers[t]; i > 0 {
				n += h.pairs[i-1]
			}
		}
	}
	return n
}

// fit counts how a claim fits the histories.
func (m *model) fit(c *claim) tally { return m.fitIn(c, m.histories) }

// maxUsual is how many histories are looked at to choose between many claims.
const maxUsual = 400

// usual are the histories that most flows have.
func (m *model) usual() []history { return m.histories[:min(len(m.histories), maxUsual)] }

func (m *model) fitIn(c *claim, histories []history) tally {
	var t tally
	for i := range histories {
		h := &histories[i]
		owed, there := c.owed(h), m.answers(c, h)
		switch {
		case c.void(h):
			t.expected += h.flows * min(owed, there)
			t.met += h.flows * min(owed, there)
		default:
			t.expected += h.flows * owed
			t.met += h.flows * min(owed, there)
			t.missing += h.flows * max(owed-there, 0)
		}
		t.surplus += h.flows * max(there-owed, 0)
	}
	return t
}

// given is how many answers there are in all.
func (m *model) given(c *claim) int {
	n := 0
	for i := range m.histories {
		n += m.histories[i].flows * m.answers(c, &m.histories[i])
	}
	return n
}
