package bus_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/pkg/bus"
)

func TestConfig(t *testing.T) {
	for name, c := range map[string]struct {
		cfg bus.Config
		err string // what the error says; none if empty
	}{
		"least":             {bus.Config{Service: "payment"}, ""},
		"any name":          {bus.Config{Service: "Payment-service_2"}, ""},
		"no name":           {bus.Config{}, "Service is empty"},
		"dots":              {bus.Config{Service: "shop.payment"}, "letters, digits, - and _"},
		"umlaut":            {bus.Config{Service: "zahlungslöser"}, "letters, digits, - and _"},
		"long name":         {bus.Config{Service: strings.Repeat("x", 65)}, "up to 64"},
		"taken name":        {bus.Config{Service: "events"}, "taken by the exchanges"},
		"concurrency":       {bus.Config{Service: "payment", Concurrency: -1}, "concurrency is -1"},
		"attempts":          {bus.Config{Service: "payment", MaxAttempts: -1}, "MaxAttempts is -1"},
		"data":              {bus.Config{Service: "payment", MaxDataBytes: -1}, "MaxDataBytes is -1"},
		"no retries":        {bus.Config{Service: "payment", RetryLevels: []time.Duration{}}, ""},
		"tiny level":        {bus.Config{Service: "payment", RetryLevels: []time.Duration{time.Microsecond}}, "must be at least 1ms"},
		"descending levels": {bus.Config{Service: "payment", RetryLevels: []time.Duration{2, 1}}, "must ascend"},
		"handler timeout":   {bus.Config{Service: "payment", HandlerTimeout: -1}, "must not be negative"},
		"drain timeout":     {bus.Config{Service: "payment", DrainTimeout: -1}, "must not be negative"},
		"announcements":     {bus.Config{Service: "payment", AnnounceEvery: -1}, "must not be negative"},
	} {
		t.Run(name, func(t *testing.T) {
			b, err := bus.New(c.cfg, &spy{})
			if c.err == "" {
				require.NoError(t, err)
				require.Equal(t, c.cfg.Service, b.Service())
				return
			}
			require.ErrorContains(t, err, c.err)
		})
	}
	_, err := bus.New(bus.Config{Concurrency: -1, MaxAttempts: -1}, &spy{})
	require.ErrorContains(t, err, "Service is empty")
	require.ErrorContains(t, err, "concurrency")
	require.ErrorContains(t, err, "MaxAttempts", "all that is wrong is said at once")
}

// What the transport is asked for follows from the configuration.
func TestSubscription(t *testing.T) {
	s := &spy{handedOut: make(chan struct{})}
	b := newBus(t, s, bus.Config{})
	b.HandleFunc(nil, "order.placed", "stock.*")
	b.HandleFunc(nil, "#.canceled")
	run(t, b, s)
	require.Equal(t, "payment", s.sub.Queue)
	require.Equal(t, []string{"order.placed", "stock.*", "#.canceled"}, s.sub.Keys)
	require.Equal(t, 8, s.sub.Concurrency)
	require.Equal(t, bus.DefaultRetryLevels(), s.sub.RetryLevels)
	require.Equal(t, 15*time.Second, s.sub.DrainTimeout)
}
