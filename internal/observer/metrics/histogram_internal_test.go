package metrics

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestBucketsHaveTheirBoundInThem(t *testing.T) {
	var h histogram
	limits := bounds()
	for i, bound := range limits {
		h.observe(bound, exemplar{})
		require.Equal(t, uint64(1), h.counts[i], "%v", bound)
	}
	h.observe(limits[buckets-1]+1, exemplar{})
	require.Equal(t, uint64(1), h.counts[buckets])
	h.observe(-time.Second, exemplar{})
	require.Equal(t, uint64(2), h.counts[0], "no time is less than none")
	require.Equal(t, uint64(buckets+2), h.total())
}

func TestASumThatIsFullStaysFull(t *testing.T) {
	var h histogram
	h.observe(math.MaxInt64, exemplar{})
	h.observe(time.Hour, exemplar{})
	require.Equal(t, int64(math.MaxInt64), h.sum)
}

func TestExemplarsHaveSpansWhereThereAreAny(t *testing.T) {
	var e exemplar
	e.replace(exemplar{})
	require.Zero(t, e)
	e.replace(exemplar{trace: [16]byte{1}, at: 1})
	e.replace(exemplar{trace: [16]byte{2}, at: 2})
	require.Equal(t, byte(2), e.trace[0], "the newer")
	e.replace(exemplar{trace: [16]byte{3}, at: 3, sampled: true})
	e.replace(exemplar{trace: [16]byte{4}, at: 4})
	require.Equal(t, byte(3), e.trace[0], "a sampled trace stays")
	e.replace(exemplar{trace: [16]byte{5}, at: 5, sampled: true})
	require.Equal(t, byte(5), e.trace[0])
}
