//go:build unix

package flow_test

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestMemoryDoesNotGrowWithTheLog: once as many flows have ended as are
// remembered, those that come take the memory of those that are forgotten.
func TestMemoryDoesNotGrowWithTheLog(t *testing.T) {
	o := newOrders(1000)
	read := func(events int) (heap uint64) {
		for range events / perPulse {
			o.prepare(perPulse, nil)
			o.tell(len(o.events))
			o.clean()
		}
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := read(50_000)
	after := read(200_000)
	runtime.KeepAlive(o)
	const orders = 200_000 / 8
	require.Less(t, after, before+4*orders, "less than 4 bytes for each order that came and went")
	require.Equal(t, 250, o.tracker.Survey().Tombstones)
}
