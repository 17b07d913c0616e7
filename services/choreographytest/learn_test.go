package choreographytest

import (
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/learn"
	"github.com/laban-io/laban/internal/learn/learntest"
	"github.com/laban-io/laban/pkg/choreography"
	"github.com/laban-io/laban/pkg/event"
	"github.com/laban-io/laban/pkg/flow"
	"github.com/laban-io/laban/services"
)

// TestTheContractIsLearnedFromTheLog leads some hundreds of orders to every
// fate, and has the contract drafted from nothing but their log and the answers
// to the draft's questions. Under the draft a tracker judges each of the orders
// as under the contract.
func TestTheContractIsLearnedFromTheLog(t *testing.T) {
	if testing.Short() {
		t.Skip("it plays all scenarios again, and places 300 orders")
	}
	on, _ := inMemory(t)
	s := start(t, on)
	playAll(t, s)
	s.placeMany(t, 300)
	contract, err := services.Order()
	require.NoError(t, err)

	t.Run("with causation ids", func(t *testing.T) {
		learned, d := s.learn(t, true)
		requireSound(t, learned, d)
		require.Equal(t, reactionsOf(contract), reactionsOf(learned), "%s", d.YAML)
		for _, id := range s.journal.all() {
			events := s.trackedEvents(id, true)
			require.Equal(t, learntest.Judge(contract, events), learntest.Judge(learned, events), "order %s, after each of its events: %v", id, s.journal.history(id))
		}
	})
	t.Run("without causation ids", func(t *testing.T) {
		learned, d := s.learn(t, false)
		requireSound(t, learned, d)
		for _, r := range d.Reactions {
			require.Equal(t, len(r.On) > 0, r.Inferred, "what is inferred is said to be: %v", r.Emits)
		}
		for _, id := range s.journal.all() {
			// On the way, what is owed may be somebody else's, where events that
			// always come together could each be the trigger. The end is the same.
			events := s.trackedEvents(id, false)
			want, got := learntest.Judge(contract, events), learntest.Judge(learned, events)
			require.Equal(t, want[len(want)-1], got[len(got)-1], "order %s: %v\n%s", id, s.journal.history(id), d.YAML)
		}
		t.Logf("reactions otherwise than in the contract: %v", difference(reactionsOf(contract), reactionsOf(learned)))
	})
}

// placeMany places orders of all fates, many at a time, a third of which their
// customers cancel at some moment.
func (s *system) placeMany(t *testing.T, n int) {
	var all sync.WaitGroup
	failures := &report{}
	random := rand.New(rand.NewPCG(1, 2))
	slots := make(chan struct{}, 16)
	moments := []string{"order.placed", "stock.confirmed", "payment.confirmed"}
	for i := range n {
		w := []wish{willShip(), willShip(), willShip(), willBeOut(), willBeDeclined(), willBeLost()}[i%6]
		moment := moments[random.IntN(len(moments))]
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			id := s.place(failures, w)
			if i%6 < 2 {
				s.journal.untilHas(failures, id, moment)
				s.cancel(failures, id)
			}
			s.journal.untilSettled(failures, id)
		})
	}
	all.Wait()
	failures.require(t)
}

// learn drafts a contract from the log, and answers what no log can tell.
func (s *system) learn(t *testing.T, causes bool) (*choreography.Choreography, *learn.Draft) {
	t.Helper()
	log := learn.NewLog()
	for _, id := range s.journal.all() {
		for _, e := range s.journal.of(id) {
			log.Add(recordOf(e, causes))
		}
	}
	log.EndedAt(time.Now().Add(time.Minute)) // every order is settled
	d, err := log.Draft(learn.Answers{Completed: completed(), Failed: failed(), Side: []string{"notification.sent"}})
	require.NoError(t, err)
	require.Equal(t, len(s.journal.all()), d.Learned)
	c, err := choreography.Parse("learned", d.YAML)
	require.NoError(t, err, "%s", d.YAML)
	return c, d
}

func recordOf(e event.Event, causes bool) *learn.Record {
	r := &learn.Record{
		Type: e.Type, Source: e.Source, FlowName: e.FlowName, FlowID: e.FlowID, Key: e.Subject, ID: e.ID, Time: e.Time,
	}
	if causes {
		r.CausationID, r.TriggerTime = e.CausationID, e.TriggerTime
	}
	return r
}

// trackedEvents returns an order's events as a tracker takes them.
func (s *system) trackedEvents(id string, causes bool) (events []flow.Event) {
	for _, e := range s.journal.of(id) {
		tracked := flow.Event{ID: e.ID, Source: e.Source, Type: e.Type, Key: e.Subject, Time: e.Time}
		if causes {
			tracked.CausationID, tracked.TriggerTime = e.CausationID, e.TriggerTime
		}
		events = append(events, tracked)
	}
	return events
}

// requireSound: nothing is wrong with a draft, and all that could be answered
// beforehand was.
func requireSound(t *testing.T, c *choreography.Choreography, d *learn.Draft) {
	t.Helper()
	require.False(t, choreography.HasErrors(choreography.Check(c)), "%v\n%s", choreography.Check(c), d.YAML)
	require.False(t, slices.ContainsFunc(d.Questions, func(q learn.Question) bool {
		// How often an order is canceled at which moment is a matter of chance, and
		// with it whether numbers alone tell a compensation; its guess is right.
		return len(q.Choices) > 0 && q.About != learn.AboutUndo
	}), "%v", d.Questions)
}

// reactionsOf returns what a contract's reactions owe, sorted, without names,
// descriptions and deadlines.
func reactionsOf(c *choreography.Choreography) (all []string) {
	sorted := func(words []string) string { return strings.Join(slices.Sorted(slices.Values(words)), ",") }
	for _, r := range c.Reactions {
		if !r.Owes() {
			continue
		}
		text := strings.Join(r.Services, ",") + ": " + sorted(r.On.Any) + " → " + sorted(r.Emits)
		for name, words := range map[string][]string{" all ": r.On.All, " if ": r.If, " unless ": r.Unless} {
			if len(words) > 0 {
				text += name + sorted(words)
			}
		}
		if r.Undoes != "" {
			text += " undoes " + r.Undoes
		}
		all = append(all, text)
	}
	slices.Sort(all)
	return all
}

func difference(a, b []string) (only []string) {
	for _, line := range a {
		if !slices.Contains(b, line) {
			only = append(only, "- "+line)
		}
	}
	for _, line := range b {
		if !slices.Contains(a, line) {
			only = append(only, "+ "+line)
		}
	}
	return only
}
