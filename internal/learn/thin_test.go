package learn_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/learn"
)

// addFlows adds flows side by side, as a log has them: the first event of each,
// then the second of each, and so on.
func addFlows(log *learn.Log, name string, flows int, types ...string) {
	for i, typ := range types {
		for n := range flows {
			r := learn.Record{Type: typ, FlowName: name, FlowID: fmt.Sprintf("%s-%d", name, n), ID: fmt.Sprint(n, "-", i)}
			if i > 0 {
				r.CausationID = fmt.Sprint(n, "-", i-1)
			}
			log.Add(&r)
		}
	}
}

// TestOfALongLogWholeFlowsAreKept: what is left is learned from as if there had
// been nothing else, and what is small beside it is left whole.
func TestOfALongLogWholeFlowsAreKept(t *testing.T) {
	log := learn.NewLogOf(learn.LeastKept)
	const flows = 8000
	addFlows(log, "small", 50, "x.start", "y.done")
	addFlows(log, "big", flows, "a.start", "b.ready", "c.sent", "d.told")
	d, err := log.Draft(learn.Answers{})
	require.NoError(t, err)
	require.Equal(t, "big", d.Choreography)
	require.Equal(t, 4, d.OneIn)
	require.InDelta(t, flows/4, d.Flows, flows/20)
	require.Equal(t, d.Flows, d.Learned)
	require.Equal(t, learn.Counts{Records: 4*flows + 100, Thinned: 4 * (flows - d.Flows)}, d.Log)
	require.Equal(t, []string{"a: → a.start", "b: a.start → b.ready", "c: b.ready → c.sent", "d: c.sent → d.told"}, rules(d))
	for _, r := range d.Reactions[1:] {
		require.Equal(t, [2]int{d.Flows, d.Flows}, [2]int{r.Expected, r.Met}, "a flow is there as a whole, or not at all")
	}
	require.Contains(t, string(d.YAML), "\n# Learned from one flow in 4, evenly chosen, since there are so many (laban learn --keep).\n")

	d, err = log.Draft(learn.Answers{Name: "small"})
	require.NoError(t, err)
	require.Zero(t, d.OneIn)
	require.Equal(t, 50, d.Flows)
	require.NotContains(t, string(d.YAML), "evenly")
}

// TestALogThatFitsIsKeptWhole to the last event.
func TestALogThatFitsIsKeptWhole(t *testing.T) {
	log := learn.NewLogOf(0)
	addFlows(log, "fits", learn.LeastKept/2, "a.start", "b.ready")
	d, err := log.Draft(learn.Answers{})
	require.NoError(t, err)
	require.Zero(t, d.OneIn)
	require.Equal(t, learn.LeastKept/2, d.Learned)
	log.Add(&learn.Record{Type: "a.start", FlowName: "fits", FlowID: "one more"})
	d, err = log.Draft(learn.Answers{})
	require.NoError(t, err)
	require.Equal(t, 2, d.OneIn)
}

// TestOfTooManyHistoriesFlowsAreLeftOut: flows that are all different cost the
// most.
func TestOfTooManyHistoriesFlowsAreLeftOut(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	log := learn.NewLogOf(0)
	const flows = 1000
	for n := range flows {
		add := func(typ string) { log.Add(&learn.Record{Type: typ, Key: fmt.Sprint(n)}) }
		add("a.start")
		for i := range 10 {
			if random.IntN(2) == 0 {
				add(fmt.Sprintf("s%d.said", i))
			}
		}
	}
	d, err := log.Draft(learn.Answers{})
	require.NoError(t, err)
	require.Equal(t, 4, d.OneIn, "some 600 histories are more than twice 250")
	require.Equal(t, flows, d.Flows)
	require.InDelta(t, flows/4, d.Learned, flows/20)
}
