package learn_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/learn"
	"github.com/laban-io/laban/internal/learn/learntest"
	"github.com/laban-io/laban/pkg/choreography"
)

// generated is how many choreographies are made up. They are the same in each
// run: what is learned from chance is likely, not certain.
const generated = 30

// A choreography is made up, played some hundreds of times with faults and
// duplicates, and learned from that: it must be the same.
func TestWhatIsPlayedIsLearned(t *testing.T) {
	for _, causes := range []bool{true, false} {
		t.Run(fmt.Sprintf("causation ids %t", causes), func(t *testing.T) {
			for seed := range uint64(generated) {
				s := learntest.Generate(rand.New(rand.NewPCG(seed, 1)))
				s.Lose, s.Twice = 0.03, 0.03
				played := playMany(s, 300)
				c, d := learnFrom(t, s, played, causes)
				require.Equal(t, meaning(s.Contract), meaning(c), "seed %d\n%s", seed, d.YAML)
				require.False(t, choreography.HasErrors(choreography.Check(c)), "seed %d: %v", seed, choreography.Check(c))
				for _, f := range played[:20] {
					require.Equal(t, learntest.Judge(s.Contract, f.Events), learntest.Judge(c, f.Events), "seed %d", seed)
				}
			}
		})
	}
}

func playMany(s *learntest.System, flows int) []learntest.Flow {
	played := make([]learntest.Flow, flows)
	for i := range played {
		played[i] = s.Play()
	}
	return played
}

// learnFrom learns from flows that were played, with all answers given.
func learnFrom(t *testing.T, s *learntest.System, played []learntest.Flow, causes bool) (*choreography.Choreography, *learn.Draft) {
	t.Helper()
	log := learn.NewLog()
	seen := map[string]bool{}
	for i := range played {
		for k := range played[i].Events {
			r := learntest.Record("made", &played[i].Events[k], causes)
			log.Add(&r)
			seen[r.Type] = true
		}
	}
	unseen := func(eventType string) bool { return !seen[eventType] }
	side := []string{}
	for _, r := range s.Contract.Reactions {
		if r.Side {
			side = append(side, r.Emits...)
		}
	}
	d, err := log.Draft(learn.Answers{
		Completed: s.Contract.Outcomes.Completed, Failed: slices.DeleteFunc(slices.Clone(s.Contract.Outcomes.Failed), unseen),
		Side: side, Optional: []string{},
	})
	require.NoError(t, err)
	c, err := choreography.Parse("learned", d.YAML)
	require.NoError(t, err, "%s", d.YAML)
	return c, d
}

// meaning is what a contract's reactions owe, whatever their order.
func meaning(c *choreography.Choreography) (lines []string) {
	sorted := func(words []string) string { return strings.Join(slices.Sorted(slices.Values(words)), " ") }
	for _, r := range c.Reactions {
		if r.Owes() {
			lines = append(lines, fmt.Sprintf("%s on [%s] all [%s] if [%s] unless [%s] undoes [%s] emits [%s]", sorted(r.Services),
				sorted(r.On.Any), sorted(r.On.All), sorted(r.If), sorted(r.Unless), r.Undoes, sorted(r.Emits)))
		}
	}
	slices.Sort(lines)
	return lines
}

// A flow that the tracker never saw end is one fault, not a rule.
func TestFaultsAreNotRules(t *testing.T) {
	s := learntest.Generate(rand.New(rand.NewPCG(3, 1)))
	s.Lose = 0.2
	played := playMany(s, 300)
	require.True(t, slices.ContainsFunc(played, func(f learntest.Flow) bool { return f.Lost }))
	c, d := learnFrom(t, s, played, true)
	require.Equal(t, meaning(s.Contract), meaning(c), "%s", d.YAML)
	missing := 0
	for _, r := range d.Reactions {
		missing += r.Expected - r.Met
	}
	lost := 0
	for _, f := range played {
		if f.Lost {
			lost++
		}
	}
	require.Equal(t, lost, missing, "each answer that was lost is told of:\n%s", d.YAML)
}
