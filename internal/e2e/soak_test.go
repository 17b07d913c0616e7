//go:build soak

package e2e

import (
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/demo"
	"github.com/laban-io/laban/internal/testenv"
)

// soakTime is how long to soak; LABAN_SOAK_TIME says otherwise.
func soakTime(t *testing.T) time.Duration {
	t.Helper()
	text := os.Getenv("LABAN_SOAK_TIME")
	if text == "" {
		return 30 * time.Minute
	}
	d, err := time.ParseDuration(text)
	require.NoError(t, err, "LABAN_SOAK_TIME")
	return d
}

// TestSoakUnderFaults places orders of all fates for a long time while the
// broker's connections are cut, its memory alarm is raised, and it is restarted
// or killed, at random. Every order must end as its fate demands, and every
// invariant hold. LABAN_SOAK_LOG names a file for the log of the services.
func TestSoakUnderFaults(t *testing.T) {
	length := soakTime(t)
	broker := testenv.PrivateRabbitMQ(t)
	faults := map[string]func(){
		"connections cut": func() { broker.CloseConnections(t) },
		"memory alarm": func() {
			broker.SetMemoryAlarm(t, true)
			pause(t, 3*time.Second)
			broker.SetMemoryAlarm(t, false)
		},
		"restarted": func() { broker.Restart(t) },
		"killed":    func() { broker.Kill(t); broker.Start(t) },
	}
	names := []string{"connections cut", "connections cut", "memory alarm", "restarted", "killed"}
	stop := make(chan struct{})
	done := make(chan struct{})
	counts := make(map[string]int)
	go func() {
		defer close(done)
		defer close(stop)
		end := time.Now().Add(length)
		for time.Until(end) > 0 {
			pause(t, time.Duration(5+rand.IntN(15))*time.Second)
			name := names[rand.IntN(len(names))]
			t.Logf("%s  %s", time.Now().Format(time.TimeOnly), name)
			faults[name]()
			counts[name]++
		}
		pause(t, time.Minute) // for what the last fault held up
	}()
	rate := 10.0
	report, err := demo.Run(t.Context(), stop, demo.Config{
		Rate: &rate, AMQP: broker.URL, Out: os.Stdout, Timeout: 3 * time.Minute,
		LogFile: os.Getenv("LABAN_SOAK_LOG"),
	})
	<-done
	t.Logf("faults: %v", counts)
	require.NoError(t, err)
	require.True(t, report.OK())
}

// pause lets the system run for a while.
func pause(t *testing.T, d time.Duration) {
	t.Helper()
	select {
	case <-time.After(d):
	case <-t.Context().Done():
	}
}
