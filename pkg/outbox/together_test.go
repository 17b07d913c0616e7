package outbox_test

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
	"github.com/laban-io/laban/pkg/membus"
	"github.com/laban-io/laban/pkg/outbox"
)

// TestServicesThroughABrokerThatFails runs two services that answer each other
// through outbox, bus and inbox, while the broker is cut off, blocked and
// away, and handlers fail. Every flow must go through each of its steps once.
func TestServicesThroughABrokerThatFails(t *testing.T) {
	onEach(t, func(t *testing.T, db testDB) {
		broker := membus.New(membus.Config{})
		defer broker.Close()
		ctx, stop := context.WithCancel(context.Background())
		var running sync.WaitGroup
		defer running.Wait()
		defer stop()

		var calls atomic.Int64
		service := func(name string, db testDB, handles, emits string) *outbox.Outbox {
			quiet := slog.New(slog.DiscardHandler)
			b, err := bus.New(bus.Config{
				Service: name, Logger: quiet, MaxAttempts: 100,
				RetryLevels: []time.Duration{time.Millisecond}, DrainTimeout: time.Second,
			}, broker.Connect())
			require.NoError(t, err)
			ob, err := outbox.New(db.DB, db.dialect, b, outbox.Config{
				MinBackoff: time.Millisecond, MaxBackoff: 10 * time.Millisecond,
				PublishTimeout: 100 * time.Millisecond, DrainTimeout: time.Second, Logger: quiet,
			})
			require.NoError(t, err)
			b.Use(ob.Inbox())
			b.HandleFunc(func(ctx context.Context, e event.Event) error {
				tx, _ := outbox.TxFrom(ctx)
				if err := addEffect(ctx, tx, name+" "+e.Subject); err != nil {
					return err
				}
				if emits != "" {
					if err := ob.Publish(ctx, event.New(emits, nil)); err != nil {
						return err
					}
				}
				if calls.Add(1)%5 == 0 {
					return errBusiness
				}
				return nil
			}, handles)
			running.Go(func() {
				if err := b.Run(ctx); err != nil {
					t.Error(err)
				}
			})
			running.Go(func() {
				if err := ob.Run(ctx); err != nil {
					t.Error(err)
				}
			})
			<-b.Consuming()
			return ob
		}
		other := openDB(t, "sqlite::memory:")
		shop := service("shop", db, "payment.confirmed", "")
		service("payment", other, "order.placed", "payment.confirmed")

		const flows = 60
		for i := range flows {
			switch i % 20 {
			case 5:
				broker.CutConnections()
			case 10:
				broker.SetReachable(false)
			case 15:
				broker.SetReachable(true)
				broker.SetBlocked(true)
			case 19:
				broker.SetBlocked(false)
			}
			key := fmt.Sprint(1000 + i)
			flow := bus.WithFlow(ctx, bus.Flow{Name: "order", ID: event.NewID(), Key: key})
			require.NoError(t, shop.Transact(flow, func(ctx context.Context, tx *sql.Tx) error {
				if err := addEffect(ctx, tx, "placed "+key); err != nil {
					return err
				}
				return shop.Publish(ctx, event.New("order.placed", nil))
			}))
		}
		const ends = "SELECT count(*) FROM effects WHERE id LIKE 'shop %'"
		require.Eventually(t, func() bool { return db.count(t, ends) >= flows }, 2*patience, 5*time.Millisecond)
		require.Eventually(t, func() bool { return db.stored(t)+other.stored(t) == 0 }, patience, 5*time.Millisecond)
		require.Equal(t, flows, db.count(t, ends))
		require.Equal(t, 2*flows, db.count(t, "SELECT count(DISTINCT id) FROM effects"))
		require.Equal(t, 2*flows, db.effects(t), "placed and shop, once each")
		require.Equal(t, flows, other.effects(t))
		require.Empty(t, broker.Parked("shop"))
		require.Empty(t, broker.Parked("payment"))
	})
}
