package demo

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestQuantiles(t *testing.T) {
	require.Equal(t, quantiles{}, quantilesOf(nil))
	require.Equal(t, quantiles{5, 5, 5}, quantilesOf([]time.Duration{5}))

	var twenty, hundred, thousand []time.Duration
	for n := 1; n <= 1000; n++ {
		d := time.Duration(1001 - n) // the largest first
		if d <= 20 {
			twenty = append(twenty, d)
		}
		if d <= 100 {
			hundred = append(hundred, d)
		}
		thousand = append(thousand, d)
	}
	require.Equal(t, quantiles{10, 19, 20}, quantilesOf(twenty))
	require.Equal(t, quantiles{50, 95, 99}, quantilesOf(hundred))
	require.Equal(t, quantiles{500, 950, 990}, quantilesOf(thousand))
}

func TestRecentForgetsWhatIsOld(t *testing.T) {
	var r recent
	require.Zero(t, r.quantiles())
	r.add(7)
	require.Equal(t, quantiles{7, 7, 7}, r.quantiles())
	for range len(r.ds) {
		r.add(time.Second)
	}
	require.Equal(t, quantiles{time.Second, time.Second, time.Second}, r.quantiles())
}

func TestMeter(t *testing.T) {
	var m meter
	begin := time.Now()
	require.Zero(t, m.rate(begin, 0))
	require.InDelta(t, 10, m.rate(begin.Add(time.Second), 10), 1e-9)
	for s := 2; s <= 20; s++ { // ten times as fast from now on
		m.rate(begin.Add(time.Duration(s)*time.Second), 10+100*(s-1))
	}
	require.InDelta(t, 100, m.rate(begin.Add(21*time.Second), 10+100*20), 1e-9)
	require.Less(t, len(m.samples), 10)
}
