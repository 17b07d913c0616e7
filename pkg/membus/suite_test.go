package membus_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/bus/bustest"
	"github.com/laban-io/laban/pkg/event"
	"github.com/laban-io/laban/pkg/membus"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestSuite(t *testing.T) {
	bustest.Run(t, bustest.Harness{
		New: newBroker,
		Features: bustest.Features{
			CutConnections: true, Restart: true, Block: true, DeleteQueue: true,
		},
	})
}

// broker puts a [membus.Broker] to the suite.
type broker struct{ *membus.Broker }

func newBroker(t testing.TB) bustest.Broker {
	b := membus.New(membus.Config{})
	t.Cleanup(b.Close)
	return broker{b}
}

func (b broker) Open(testing.TB) bus.Transport { return b.Connect() }

func (b broker) PublishRaw(t testing.TB, m event.Binary) {
	require.NoError(t, b.Connect().SendRaw(context.Background(), m))
}

func (b broker) Parked(_ testing.TB, service string) []bus.Message { return b.Broker.Parked(service) }
func (b broker) Unrouted(testing.TB) []bus.Message                 { return b.Broker.Unrouted() }
func (b broker) Lost(testing.TB) []bus.Message                     { return b.Broker.Lost() }

func (b broker) DeleteQueue(_ testing.TB, service string, q bustest.Queue) {
	if level, ok := q.RetryLevel(); ok {
		b.DeleteRetryQueue(service, level)
	} else if q.IsParked() {
		b.DeleteParkedQueue(service)
	} else {
		b.Broker.DeleteQueue(service)
	}
}

func (b broker) CutConnections(testing.TB) { b.Broker.CutConnections() }

// Restart is long enough for clients to notice.
func (b broker) Restart(testing.TB) {
	b.SetReachable(false)
	timer := time.NewTimer(100 * time.Millisecond)
	defer timer.Stop()
	<-timer.C
	b.SetReachable(true)
}

func (b broker) Block(_ testing.TB, blocked bool) { b.SetBlocked(blocked) }
