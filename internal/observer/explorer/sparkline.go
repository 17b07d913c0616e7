package explorer

import (
	"slices"

	"github.com/laban-io/laban/internal/ledger"
)

// sparkline is a row of bars.
type sparkline struct {
	Name  string
	Total int
	Bars  []bar
	Width int
}

// bar is one bar of a sparkline, in its units.
type bar struct{ X, Y, Height int }

// Measures of a sparkline.
const (
	barStep   = 4
	barHeight = 28
)

func sparklines(a *ledger.Activity) []sparkline {
	return []sparkline{sparklineOf("started", a.Started), sparklineOf("ended", a.Ended), sparklineOf("stalled", a.Stalled)}
}

func sparklineOf(name string, counts []int) sparkline {
	s := sparkline{Name: name, Width: barStep * len(counts)}
	if len(counts) == 0 {
		return s
	}
	most := slices.Max(counts)
	for i, n := range counts {
		s.Total += n
		if n == 0 {
			continue
		}
		height := max(n*barHeight/most, 2)
		s.Bars = append(s.Bars, bar{X: i * barStep, Y: barHeight - height, Height: height})
	}
	return s
}
