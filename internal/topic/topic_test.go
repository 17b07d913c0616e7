package topic_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/topic"
)

// What a pattern means is tested by package bus, which makes it public.

func TestAnyOfSomePatterns(t *testing.T) {
	require.True(t, topic.AnyMatches([]string{"order.placed", "payment.*"}, "payment.rejected"))
	require.False(t, topic.AnyMatches([]string{"order.placed", "payment.*"}, "payment"))
	require.False(t, topic.AnyMatches(nil, "payment.rejected"))
}

func TestWhatIsAPattern(t *testing.T) {
	require.True(t, topic.IsPattern("order.*"))
	require.True(t, topic.IsPattern("#"))
	require.False(t, topic.IsPattern("order.a*b"), "within a word a star is a star")
}
