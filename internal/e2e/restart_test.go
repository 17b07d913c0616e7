package e2e

import (
	"bytes"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/demo"
	"github.com/laban-io/laban/internal/testenv"
)

// ended is what a demo prints, with a function that is called when given numbers
// of orders have ended.
type ended struct {
	mu   sync.Mutex
	text bytes.Buffer
	n    int
	at   map[int]func()
	wait sync.WaitGroup
}

func (e *ended) Write(p []byte) (int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for range strings.Count(string(p), " placed → ") {
		e.n++
		if f := e.at[e.n]; f != nil {
			e.wait.Go(f)
		}
	}
	return e.text.Write(p)
}

func (e *ended) String() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.text.String()
}

// TestABrokerThatIsRestartedTwiceLosesNoOrder places 2,000 orders of all fates
// and restarts the broker twice among them. None is lost, none is charged,
// shipped or mailed about twice: the demo checks every order and every
// invariant.
func TestABrokerThatIsRestartedTwiceLosesNoOrder(t *testing.T) {
	broker := testenv.PrivateRabbitMQ(t)
	out := &ended{}
	restarts := 0
	restart := func() {
		broker.Restart(t)
		restarts++
	}
	out.at = map[int]func(){500: restart, 1300: restart}
	noThink := time.Duration(0)
	report, err := demo.Run(t.Context(), nil, demo.Config{
		Orders: 2000, Exit: true, AMQP: broker.URL, Out: out, Seed: 7, Think: &noThink, Timeout: 3 * time.Minute,
	})
	out.wait.Wait()
	require.NoError(t, err, out)
	require.Equal(t, 2, restarts)
	require.Equal(t, 2000, report.Ended)
	require.True(t, report.OK())
}
