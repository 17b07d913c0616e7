package learn

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// ErrNothing is the error of a log that nothing can be learned from.
var ErrNothing = errors.New("there is nothing to learn from")

// Answers is what a person says to the questions. Types that the log does not
// have are an error.
type Answers struct {
	// Name is the choreography to learn, of several in one log; the one with the
	// most events where it is empty. As is also how the draft is to be called.
	Name string
	As   string
	// Completed and Failed are the outcomes. Where both are nil they are guessed;
	// otherwise what is in neither is no outcome.
	Completed, Failed []string
	// Side and Optional are answers whose reactions are so. Where they are nil
	// that is guessed.
	Side, Optional []string
	// Undoes says what an event undoes; "" for nothing.
	Undoes map[string]string
	// Progress, if set, is told how much of the work is done, now and then. An
	// error of it ends the work.
	Progress func(done, of int) error
}

// decided tells whether a person said what the outcomes are.
func (a *Answers) decided() bool { return a.Completed != nil || a.Failed != nil }

// Draft learns a choreography.
func (l *Log) Draft(a Answers) (*Draft, error) {
	g, err := l.choose(a.Name)
	if err != nil {
		return nil, err
	}
	if err := l.know(a); err != nil {
		return nil, err
	}
	e, err := l.explain(g, l.undoes(a), a.Progress)
	if err != nil {
		return nil, err
	}
	d := &drafter{model: e.model, log: l, answers: a, name: g.name, claims: slices.Clone(e.claims)}
	return d.draft()
}

// explained is what explains the flows of a choreography. It is kept for the
// next draft, since most answers change nothing of it.
type explained struct {
	group   *group
	records int   // of the log, when it was made
	newest  int64 // as in the log then
	undoes  map[int]int
	model   *model
	claims  []claim
}

func (l *Log) explain(g *group, undoes map[int]int, progress func(done, of int) error) (*explained, error) {
	if progress == nil {
		progress = func(int, int) error { return nil }
	}
	if err := progress(0, 1); err != nil {
		return nil, err
	}
	if e := l.last; e != nil && e.group == g && e.records == l.counts.Records && e.newest == l.newest && maps.Equal(e.undoes, undoes) {
		return e, nil
	}
	l.last = nil // or there would be two at a time
	e := &explained{group: g, records: l.counts.Records, newest: l.newest, undoes: undoes, model: l.newModel(g)}
	if len(e.model.flows) == 0 {
		return nil, fmt.Errorf("%w: no flow in the log has its start there; give more of the log", ErrNothing)
	}
	var err error
	if e.claims, err = e.model.explainAll(undoes, progress); err != nil {
		return nil, err
	}
	l.last = e
	return e, nil
}

// choose returns the flows to learn from.
func (l *Log) choose(name string) (*group, error) {
	all := l.Names()
	if len(all) == 0 {
		return nil, fmt.Errorf("%w: of %d records, none is an event with a flow id or a key", ErrNothing, l.counts.Records)
	}
	if name == "" {
		return l.groups[all[0]], nil
	}
	if g := l.groups[name]; g != nil {
		return g, nil
	}
	return nil, fmt.Errorf("no event in the log is of a flow named %q; there are %s", name, strings.Join(all, ", "))
}

// know refuses answers about events that are not in the log.
func (l *Log) know(a Answers) error {
	words := slices.Concat(a.Completed, a.Failed, a.Side, a.Optional)
	for event, undone := range a.Undoes {
		words = append(words, event)
		if undone != "" {
			words = append(words, undone)
		}
	}
	slices.Sort(words)
	for _, w := range words {
		if _, ok := l.types.at[w]; !ok {
			return &UnknownEventError{Event: w, Known: slices.Sorted(slices.Values(l.types.list))}
		}
	}
	for _, w := range a.Completed {
		if slices.Contains(a.Failed, w) {
			return fmt.Errorf("%q can't be both a completed and a failed outcome", w)
		}
	}
	return nil
}

// UnknownEventError is the error of an answer about an event that is not in the
// log.
type UnknownEventError struct {
	Event string
	Known []string
}

// Error says which one.
func (e *UnknownEventError) Error() string {
	return fmt.Sprintf("there is no event %q in the log", e.Event)
}

func (l *Log) undoes(a Answers) map[int]int {
	said := map[int]int{}
	for event, undone := range a.Undoes {
		said[l.types.at[event]] = -1
		if undone != "" {
			said[l.types.at[event]] = l.types.at[undone]
		}
	}
	return said
}

// stepsOfOne is how many steps of progress one service counts for.
const stepsOfOne = 100

// explainAll explains what each service emits. Where only the order of events
// tells, it does so twice: answers to nearly everything, and compensations of
// others, are causes only where nothing else can be.
func (m *model) explainAll(undoes map[int]int, progress func(done, of int) error) ([]claim, error) {
	var claims []claim
	var sides, undos []int
	steps := 0
	explain := func(x *explainer) ([]claim, error) {
		begun := steps
		steps += stepsOfOne
		if err := progress(begun, 2*stepsOfOne*len(m.services)); err != nil {
			return nil, err
		}
		x.tell = func(part float64) error {
			return progress(begun+int(part*stepsOfOne), 2*stepsOfOne*len(m.services))
		}
		found := x.explain()
		return found, x.stopped
	}
	for service := range m.services {
		found, err := explain(m.explainer(service, nil, nil, undoes))
		if err != nil {
			return nil, err
		}
		claims = append(claims, found...)
	}
	for i := range claims {
		switch c := &claims[i]; {
		case c.kind == undo:
			undos = append(undos, c.emits...)
		case m.toMost(c):
			sides = append(sides, c.emits...)
		}
	}
	if len(sides)+len(undos) == 0 {
		return claims, nil
	}
	var again []claim
	for service := range m.services {
		first := slices.DeleteFunc(slices.Clone(claims), func(c claim) bool { return c.service != service })
		if m.causal[service] {
			again = append(again, first...)
			steps += stepsOfOne
			continue
		}
		second, err := explain(m.explainer(service, sides, undos, undoes))
		if err != nil {
			return nil, err
		}
		if cost(second) <= cost(first)+slackOfAll(first) {
			again = append(again, second...)
		} else {
			again = append(again, first...)
		}
	}
	return again, nil
}

func (m *model) explainer(service int, sides, undos []int, undoes map[int]int) *explainer {
	return &explainer{model: m, service: service, inferred: !m.causal[service], sides: sides, undos: undos, undoes: undoes}
}

func cost(claims []claim) (sum float64) {
	for i := range claims {
		sum += claims[i].cost
	}
	return sum
}

func slackOfAll(claims []claim) (sum float64) {
	sum = 1
	for i := range claims {
		sum += slackOf(claims[i])
	}
	return sum
}

// toMost tells whether a claim's answers follow from most that happens.
func (m *model) toMost(c *claim) bool {
	if c.kind != anyOf || len(c.on) < 3 {
		return false
	}
	others := 0
	for t, n := range m.total {
		if n > 0 && !slices.Contains(c.emits, t) {
			others++
		}
	}
	return 2*len(c.on) >= others
}

// inOrder sorts claims as a person would tell them: unprompted events, then
// reactions in the order in which they come, then compensations.
func (m *model) inOrder(claims []claim) {
	rank := func(c *claim) int {
		switch c.kind {
		case unprompted:
			return 0
		case undo:
			return 2
		default:
			return 1
		}
	}
	place := func(c *claim) float64 {
		least := 2.0
		for _, t := range slices.Concat(c.on, c.emits) {
			least = min(least, m.place[t])
		}
		return least
	}
	slices.SortStableFunc(claims, func(a, b claim) int {
		return cmp.Or(cmp.Compare(rank(&a), rank(&b)), cmp.Compare(place(&a), place(&b)), cmp.Compare(m.services[a.service], m.services[b.service]))
	})
}
