package benchmarks

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
)

const (
	concurrency = 8
	prefetch    = 2 * concurrency
)

// rawConsumer takes and acknowledges by amqp091-go alone, with as many
// goroutines and the same prefetch as Laban's. Nothing it does not settle is
// left, since it is given exactly what it takes.
func (s *stage) rawConsumer(fill contender) contender {
	return contender{name: "amqp091-go", prepare: fill.run, run: func(n int) {
		ch := s.channel()
		require.NoError(s.b, ch.Qos(prefetch, 0, false))
		deliveries, err := ch.Consume(queueName, "", false, false, false, false, nil)
		require.NoError(s.b, err)
		var left atomic.Int64
		left.Store(int64(n))
		done := make(chan struct{})
		var wg sync.WaitGroup
		for range concurrency {
			wg.Go(func() {
				for {
					select {
					case <-done:
						return
					case d := <-deliveries:
						if err := d.Ack(false); err != nil {
							s.b.Error(err)
						}
						if left.Add(-1) == 0 {
							close(done)
						}
					}
				}
			})
		}
		wg.Wait()
		require.NoError(s.b, ch.Close())
	}}
}

// labanConsumer handles events that belong to as many flows as there are events.
func (s *stage) labanConsumer(name string, fill contender, hooks ...bus.Hook) contender {
	transport := s.open()
	return contender{name: name, prepare: fill.run, run: func(n int) {
		b, err := bus.New(bus.Config{Service: queueName, Concurrency: concurrency, Hooks: hooks}, transport)
		require.NoError(s.b, err)
		var left atomic.Int64
		left.Store(int64(n))
		ctx, cancel := context.WithCancel(context.Background())
		b.HandleFunc(func(context.Context, event.Event) error {
			if left.Add(-1) == 0 {
				cancel()
			}
			return nil
		}, eventType)
		require.NoError(s.b, b.Run(ctx))
	}}
}

// BenchmarkConsume compares taking messages of 512 bytes from a quorum queue and
// acknowledging each.
func BenchmarkConsume(b *testing.B) {
	s := newConsumerStage(b)
	sampledOut, sampled := s.telemetry()
	fill := s.laban("")
	contest(b, rounds,
		s.rawConsumer(fill),
		s.labanConsumer("laban", fill),
		s.labanConsumer("laban, traced, sampled out", fill, sampledOut),
		s.labanConsumer("laban, traced, all exported", fill, sampled),
	)
}
