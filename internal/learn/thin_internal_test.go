package learn

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// Ids can be made to be in every sample. What does not fit then is counted, and
// not kept.
func TestIdsThatAreInEverySampleAreBounded(t *testing.T) {
	log := NewLogOf(0)
	log.Add(&Record{Type: "a", Key: "1"})
	log.groups[""].halved = maxHalvings
	for i := range LeastKept + 10 {
		log.Add(&Record{Type: strconv.Itoa(i % 3), Key: "1"})
		log.groups[""].by[^hashed("1")] = &run{} // as if each were of a flow of its own
	}
	require.Equal(t, LeastKept, log.events)
	require.Equal(t, 11, log.Counts().Beyond)
}
