package choreography

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestDurations(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"250ms": 250 * time.Millisecond, "30s": 30 * time.Second, "5m": 5 * time.Minute, "1h30m": 90 * time.Minute,
		"2h": 2 * time.Hour, "7d": 7 * day, "1d12h": 36 * time.Hour, "1h0m5s": time.Hour + 5*time.Second,
	} {
		got, err := parseDuration(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got)
		require.Equal(t, text, formatDuration(want))
	}
	for _, text := range []string{"", "5", "d", "1d1d", "-1s", "+1s", "1.5d", "-1d", "0s", "99999d", "1d-5h", "1y", "300000h", "1d 2h"} {
		_, err := parseDuration(text)
		require.Error(t, err, text)
	}
}

func TestDurationsAreReadAsTheyAreWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := time.Duration(rapid.Int64Range(1, int64(maxDuration)).Draw(t, "duration"))
		got, err := parseDuration(formatDuration(d))
		require.NoError(t, err)
		require.Equal(t, d, got)
	})
}
