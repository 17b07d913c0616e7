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
func (m *model) owed(c *claim, h int32) int {
	if c.ifs >= 0 && !m.has(h, c.ifs) {
		return 0
	}
	switch c.kind {
	case anyOf:
		n := 0
		for _, t := range c.on {
			n += int(m.histories.types[t][h])
		}
		return n
	case allOf:
		n := m.histories.types[c.on[0]][h]
		for _, t := range c.on[1:] {
			n = min(n, m.histories.types[t][h])
		}
		return int(n)
	case undo:
		for _, t := range c.on {
			if m.has(h, t) {
				return int(m.histories.types[c.undoes][h])
			}
		}
		return 0
	default:
		return 0
	}
}

// void tells whether what is owed need not come.
func (m *model) void(c *claim, h int32) bool { return c.unless >= 0 && m.has(h, c.unless) }

// has tells whether a history has a type.
func (m *model) has(h int32, typ int) bool { return m.histories.types[typ][h] > 0 }

// answers is how many answers a history has.
func (m *model) answers(c *claim, h int32) int {
	n := 0
	if numbers := m.numbers[c.service]; numbers != nil {
		for _, t := range c.emits {
			if i := numbers[t]; i > 0 {
				n += int(m.histories.pairs[i-1][h])
			}
		}
	}
	return n
}

// maxUsual is how many histories are looked at to choose between many claims.
const maxUsual = 400

// usual are the histories that most flows have.
func (m *model) usual() []int32 { return m.among[:min(len(m.among), maxUsual)] }

// owedIn is how many answers each of the first histories owes. What it returns
// holds until the next call.
func (x *explainer) owedIn(c *claim, first int) []uint16 {
	if cap(x.sums) < first {
		x.sums = make([]uint16, first)
	}
	sums := x.sums[:first]
	if c.kind != anyOf || c.ifs >= 0 {
		for k, h := range x.among[:first] {
			sums[k] = uint16(x.owed(c, h)) //nolint:gosec // at most MaxFlowEvents
		}
		return sums
	}
	clear(sums)
	for _, t := range c.on {
		column := x.column(t)[:first]
		for k, n := range column {
			sums[k] += n
		}
	}
	return sums
}

// column is how often a type is in each of the histories that are looked at.
func (x *explainer) column(typ int) []uint16 {
	if x.columns[typ] == nil {
		x.columns[typ] = make([]uint16, len(x.among))
		for k, h := range x.among {
			x.columns[typ][k] = x.histories.types[typ][h]
		}
	}
	return x.columns[typ]
}

// fit counts how a claim fits the histories. It must be one for the answers that
// are explained.
func (x *explainer) fit(c *claim) tally { return x.fitIn(c, x.among) }

// fitIn does so in the first of the histories.
func (x *explainer) fitIn(c *claim, first []int32) tally {
	var t tally
	for k, n := range x.owedIn(c, len(first)) {
		h := first[k]
		flows, owed, there := x.histories.flows[h], int(n), x.there[k]
		met := flows * min(owed, there)
		t.met += met
		t.surplus += flows * max(there-owed, 0)
		if x.void(c, h) {
			t.expected += met
			continue
		}
		t.expected += flows * owed
		t.missing += flows * max(owed-there, 0)
	}
	return t
}

// given is how many answers there are in all.
func (m *model) given(c *claim) int {
	n := 0
	for _, p := range m.pairsOf(c.service, c.emits) {
		n += m.often[p]
	}
	return n
}
