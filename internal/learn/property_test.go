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
	"github.com/laban-io/laban/pkg/flow"
)

// learned plays a system and learns from its log.
func learned(t *testing.T, s *learntest.System, flows int, causes bool) (*choreography.Choreography, *learn.Draft, []learntest.Flow) {
	t.Helper()
	log := learn.NewLog()
	played := make([]learntest.Flow, flows)
	for i := range played {
		played[i] = s.Play()
		for k := range played[i].Events {
			r := learntest.Record("made", &played[i].Events[k], causes)
			log.Add(&r)
		}
	}
	side := []string{}
	for _, r := range s.Contract.Reactions {
		if r.Side {
			side = append(side, r.Emits...)
		}
	}
	d, err := log.Draft(learn.Answers{
		Completed: s.Contract.Outcomes.Completed, Failed: present(s.Contract.Outcomes.Failed, played), Side: side, Optional: []string{},
	})
	require.NoError(t, err)
	c, err := choreography.Parse("learned", d.YAML)
	require.NoError(t, err, "%s", d.YAML)
	return c, d, played
}

// present leaves out what is in no flow.
func present(types []string, flows []learntest.Flow) []string {
	return slices.DeleteFunc(slices.Clone(types), func(typ string) bool {
		return !slices.ContainsFunc(flows, func(f learntest.Flow) bool {
			return slices.ContainsFunc(f.Events, func(e flow.Event) bool { return e.Type == typ })
		})
	})
}

// meaning is what a contract's reactions are, whatever their order.
func meaning(c *choreography.Choreography) (lines []string) {
	sorted := func(words []string) string { return strings.Join(slices.Sorted(slices.Values(words)), " ") }
	for _, r := range c.Reactions {
		if r.Owes() {
			lines = append(lines, fmt.Sprintf("%s on %s all %s if %s unless %s undoes %s: %s", sorted(r.Services), sorted(r.On.Any), sorted(r.On.All),
				sorted(r.If), sorted(r.Unless), r.Undoes, sorted(r.Emits)))
		}
	}
	slices.Sort(lines)
	return lines
}

func TestScratchProperty(t *testing.T) {
	for _, causes := range []bool{true, false} {
		bad, judged := 0, 0
		for seed := range uint64(60) {
			s := learntest.Generate(rand.New(rand.NewPCG(seed, 1)))
			s.Lose, s.Twice = 0.03, 0.03
			c, _, flows := learned(t, s, 300, causes)
			a, b := meaning(s.Contract), meaning(c)
			if !slices.Equal(a, b) {
				bad++
				fmt.Println("SEED", seed, causes)
				for _, l := range a { if !slices.Contains(b, l) { fmt.Println("  -", l) } }
				for _, l := range b { if !slices.Contains(a, l) { fmt.Println("  +", l) } }
			}
			wrong := 0
			for _, f := range flows[:60] {
				x, y := learntest.Judge(s.Contract, f.Events), learntest.Judge(c, f.Events)
				if x[len(x)-1] != y[len(y)-1] { wrong++; if wrong==1 {fmt.Println(x[len(x)-1], "/", y[len(y)-1])} }
			}
			if wrong > 0 { judged++; fmt.Println("   WRONG", seed, wrong) }
		}
		fmt.Println("causes", causes, "bad", bad, "judged wrong", judged)
	}
}

func TestScratch14(t *testing.T) {
	s := learntest.Generate(rand.New(rand.NewPCG(14, 1)))
	_, d, flows := learned(t, s, 300, true)
	fmt.Println(string(d.YAML))
	fmt.Println(string(choreography.Marshal(s.Contract)))
	n := map[string]int{}
	for _, f := range flows { x := []string{}; for _, e := range f.Events { x = append(x, e.Type) }; slices.Sort(x); n[strings.Join(x, " ")]++ }
	for k, v := range n { fmt.Println(v, k) }
}
