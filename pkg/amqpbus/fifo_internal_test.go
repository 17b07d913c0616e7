package amqpbus

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestFifoAgainstASlice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var q fifo[int]
		var want []int
		next := 0
		t.Repeat(map[string]func(*rapid.T){
			"push": func(*rapid.T) { next++; q.push(next); want = append(want, next) },
			"pop": func(t *rapid.T) {
				if len(want) > 0 {
					require.Equal(t, want[0], q.pop())
					want = want[1:]
				}
			},
			"take all": func(t *rapid.T) {
				require.Equal(t, append([]int(nil), want...), q.takeAll())
				want = nil
			},
			"": func(t *rapid.T) {
				require.Equal(t, len(want), q.len())
				for i := range want {
					require.Equal(t, want[i], q.at(i))
				}
			},
		})
	})
}
