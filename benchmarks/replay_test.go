//go:build unix

package benchmarks

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/observer/record"
	"github.com/laban-io/laban/internal/testenv"
	"github.com/laban-io/laban/pkg/amqpbus"
	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
	"github.com/laban-io/laban/services"
)

// shipped are the events of an order that is shipped, each with the index of the
// one that caused it, or -1.
var shipped = []struct {
	eventType, source string
	cause             int
}{
	{"order.placed", "order", -1},
	{"stock.confirmed", "inventory", 0},
	{"notification.sent", "notification", 0},
	{"payment.confirmed", "payment", 1},
	{"notification.sent", "notification", 1},
	{"order.shipped", "delivery", 3},
	{"notification.sent", "notification", 3},
	{"notification.sent", "notification", 5},
}

const (
	logName = "events.log"
	// logPrefetch is the credit that Laban's own reader gives a stream.
	logPrefetch = 4000
	// underWay is how many orders of the log are under way at a time, and
	// betweenPulses how many events come between two pulses.
	underWay, betweenPulses = 5000, 2500
)

// fillLog publishes n events of orders that go well, and writes the pulses that
// belong to them into the log. It returns how many records that are.
func (s *stage) fillLog(n int) (records int) {
	ch := s.channel()
	require.NoError(s.b, ch.Confirm(false))
	var waiting []*amqp.DeferredConfirmation
	send := func(exchange, key string, e event.Event) {
		p, err := amqpbus.EncodeEvent(&bus.Message{Event: e, RoutingKey: e.Type, Headers: map[string]string{
			"traceparent": fmt.Sprintf("00-%032x-%016x-01", records/len(shipped)+1, records+1),
		}})
		require.NoError(s.b, err)
		confirm, err := ch.PublishWithDeferredConfirm(exchange, key, false, false, p)
		require.NoError(s.b, err)
		waiting = append(waiting, confirm)
		if records++; len(waiting) == window {
			for _, c := range waiting {
				require.True(s.b, c.Wait())
			}
			waiting = waiting[:0]
		}
	}
	now := time.Now().Add(-24 * time.Hour).UTC()
	pulse := func(sequence int) {
		now = now.Add(250 * time.Millisecond)
		e, err := record.Encode(record.Pulse{Time: now, Observer: "bench", Epoch: 1, Sequence: uint64(sequence)}, now)
		require.NoError(s.b, err)
		send("", logName, e)
	}
	pulse(1)
	for i := range n {
		round, place := i/underWay, i%underWay
		order, step := round/len(shipped)*underWay+place, round%len(shipped)
		what := &shipped[step]
		id := func(step int) string { return fmt.Sprintf("01K%015d%08d", order, step) }
		e := event.Event{
			ID: id(step), Source: what.source, Type: what.eventType, Subject: fmt.Sprint(order), Time: now,
			FlowName: "order", FlowID: id(99), ServiceVersion: "1.0.0", DataContentType: "application/json", Data: []byte(`{"order":"1042"}`),
		}
		if what.cause >= 0 {
			e.CausationID, e.TriggerTime = id(what.cause), now
		}
		send("events", e.Type, e)
		if i%betweenPulses == betweenPulses-1 {
			pulse(i/betweenPulses + 2)
		}
	}
	for _, c := range waiting {
		require.True(s.b, c.Wait())
	}
	return records
}

// rawReader reads the log by amqp091-go alone, with the credit that Laban gives.
func (s *stage) rawReader(records int) time.Duration {
	ch := s.channel()
	defer ch.Close()
	require.NoError(s.b, ch.Qos(logPrefetch, 0, false))
	begun := time.Now()
	deliveries, err := ch.Consume(logName, "", false, false, false, false, amqp.Table{"x-stream-offset": "first"})
	require.NoError(s.b, err)
	for i := 1; i <= records; i++ {
		d := <-deliveries
		if i%(logPrefetch/2) == 0 {
			require.NoError(s.b, d.Ack(true))
		}
	}
	return time.Since(begun)
}

// replay runs laban replay as a process of its own, and says what it took.
func (s *stage) replay(laban, config, ledger string) (took, cpu time.Duration, resident int64) {
	begun := time.Now()
	cmd := exec.CommandContext(s.b.Context(), laban, "replay", "--config", config, "--ledger", ledger)
	out, err := cmd.CombinedOutput()
	require.NoError(s.b, err, string(out))
	took = time.Since(begun)
	used, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	require.True(s.b, ok)
	return took, cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), used.Maxrss * 1024
}

// leastEvents keeps the start of a process from being all that is measured.
const leastEvents = 50_000

// BenchmarkReplay builds ledgers from a log of b.N events of orders, in turns with
// a bare client that only reads it (-benchtime 200000x). Start and end of the
// process are in its time.
func BenchmarkReplay(b *testing.B) {
	if b.N == 1 {
		return // the harness's trial run
	}
	const rounds = 2
	s := newEmptyStage(b)
	dir := b.TempDir()
	laban, config, contract := filepath.Join(dir, "laban"), filepath.Join(dir, "observer.yaml"), filepath.Join(dir, services.OrderContractFile)
	build := exec.CommandContext(context.Background(), "go", "build", "-o", laban, "./cmd/laban")
	build.Dir = ".."
	out, err := build.CombinedOutput()
	require.NoError(b, err, string(out))
	require.NoError(b, os.WriteFile(contract, []byte(services.OrderContract()), 0o600))
	require.NoError(b, os.WriteFile(config, fmt.Appendf(nil, "amqp: %q\ncontracts: [%q]\n", s.url, contract), 0o600))
	begun := time.Now()
	records := s.fillLog(max(b.N, leastEvents))
	fmt.Printf("%d records written in %v\n", records, time.Since(begun).Round(time.Second))
	b.ResetTimer()
	for round := range rounds {
		raw := s.rawReader(records)
		fmt.Printf("%-12s %8.0f records/s\n", "amqp091-go", float64(records)/raw.Seconds())
		for name, ledger := range map[string]string{
			"SQLite": fmt.Sprintf("sqlite:%s/%d.db", dir, round), "PostgreSQL": testenv.PostgreSQL(b),
		} {
			took, cpu, resident := s.replay(laban, config, ledger)
			rate := float64(records) / took.Seconds()
			fmt.Printf("%-12s %8.0f records/s in %v, %.2f of amqp091-go; CPU %v, %.1f µs a record; at most %d MiB resident\n", name, rate,
				took.Round(time.Millisecond), raw.Seconds()/took.Seconds(), cpu.Round(time.Millisecond),
				float64(cpu.Microseconds())/float64(records), resident>>20)
			b.ReportMetric(rate, name+":records/s")
			b.ReportMetric(float64(resident), name+":B-resident")
		}
	}
	b.ReportMetric(0, "ns/op") // of all of it together: says nothing
}
