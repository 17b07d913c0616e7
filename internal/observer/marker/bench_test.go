package marker_test

import (
	"testing"

	"github.com/laban-io/laban/internal/observer/marker"
)

func BenchmarkFrom(b *testing.B) {
	kinds := transitions()
	for _, name := range []string{"started", "stalled"} {
		tr := kinds[name]
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				marker.From(&tr)
			}
		})
	}
}
