package outbox_test

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/laban-io/laban/internal/testenv"
	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
	"github.com/laban-io/laban/pkg/outbox"
)

// onEachBench runs a benchmark on both databases, SQLite in a file, as a
// service has it.
func onEachBench(b *testing.B, bench func(b *testing.B, db testDB)) {
	b.Run("SQLite", func(b *testing.B) {
		bench(b, openDB(b, "sqlite:"+filepath.Join(b.TempDir(), "bench.db")))
	})
	b.Run("PostgreSQL", func(b *testing.B) { bench(b, openDB(b, testenv.PostgreSQL(b))) })
}

// BenchmarkRelay is how fast a backlog is published to a broker that takes no
// time: what the outbox itself costs.
func BenchmarkRelay(b *testing.B) {
	onEachBench(b, func(b *testing.B, db testDB) {
		all := make(chan struct{})
		broker := &broker{}
		broker.answer = func(n int, _ *bus.Message) reply {
			broker.arrived = broker.arrived[:0]
			if n == b.N-1 {
				close(all)
			}
			return reply{}
		}
		ob := db.newOutbox(b, broker, outbox.Config{})
		data := make([]byte, 512)
		for stored := 0; stored < b.N; {
			n := min(1000, b.N-stored)
			events := make([]event.Event, n)
			for i := range events {
				id := fmt.Sprint(stored + i)
				events[i] = evt(id, fmt.Sprint((stored+i)%500))
				events[i].Data = data
			}
			publish(b, ob, events...)
			stored += n
		}
		b.ResetTimer()
		start := time.Now()
		run(b, ob)
		<-all
		b.ReportMetric(float64(b.N)/time.Since(start).Seconds(), "rows/s")
	})
}

// BenchmarkCommitToPublish is how long an event takes from the begin of its
// transaction to the broker, one at a time.
func BenchmarkCommitToPublish(b *testing.B) {
	onEachBench(b, func(b *testing.B, db testDB) {
		arrived := make(chan struct{}, 1)
		broker := &broker{}
		broker.answer = func(int, *bus.Message) reply {
			broker.arrived = broker.arrived[:0]
			arrived <- struct{}{}
			return reply{}
		}
		ob := db.newOutbox(b, broker, outbox.Config{})
		run(b, ob)
		publish(b, ob, evt("first", ""))
		<-arrived
		for b.Loop() {
			err := ob.Transact(context.Background(), func(ctx context.Context, _ *sql.Tx) error {
				return ob.Publish(ctx, event.New("thing.done", nil))
			})
			if err != nil {
				b.Fatal(err)
			}
			<-arrived
		}
	})
}
