package demo

import (
	"testing"

	"github.com/stretchr/testify/require"

	ordersystem "github.com/laban-io/laban/services"
)

// TestTheDemoJudgesByTheContract compares the demo's rules with those of the
// order system's contract.
func TestTheDemoJudgesByTheContract(t *testing.T) {
	c, err := ordersystem.Order()
	require.NoError(t, err)
	byType := kindsByType()
	kinds := func(types []string) (list []kind) {
		for _, name := range types {
			k, ok := byType[name]
			require.True(t, ok, "the demo does not know %s", name)
			list = append(list, k)
		}
		return list
	}
	var want []reaction
	for _, r := range c.Reactions {
		if !r.Owes() {
			continue
		}
		require.Len(t, r.Services, 1)
		rule := reaction{service: r.Services[0], on: kinds(r.On.Any), emits: kinds(r.Emits), unless: kinds(r.Unless), side: r.Side}
		if r.Undoes != "" {
			rule.undoes = &kinds([]string{r.Undoes})[0]
		}
		want = append(want, rule)
	}
	require.Equal(t, want, choreography())
}
