package outbox_test

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
	"github.com/laban-io/laban/pkg/outbox"
)

// shipping is a handler whose effect is a row and an event.
func shipping(ob *outbox.Outbox, end func() error) bus.Handler {
	return ob.Inbox()(bus.HandlerFunc(func(ctx context.Context, e event.Event) error {
		tx, _ := outbox.TxFrom(ctx)
		if err := addEffect(ctx, tx, e.ID); err != nil {
			return err
		}
		if err := ob.Publish(ctx, event.New("order.shipped", nil)); err != nil {
			return err
		}
		return end()
	}))
}

func done() error { return nil }

func TestInboxHandlesAnEventOnce(t *testing.T) {
	onEach(t, func(t *testing.T, db testDB) {
		var duplicates []string
		ob := db.newOutbox(t, &broker{}, outbox.Config{OnDuplicate: func(_ context.Context, e event.Event) { duplicates = append(duplicates, e.ID) }})
		h := shipping(ob, done)
		e := evt("1", "k")
		e.Source = "payment"
		for range 3 {
			require.NoError(t, h.Handle(t.Context(), e), "a duplicate is no error, so it is acknowledged")
		}
		require.Equal(t, 1, db.effects(t))
		require.Equal(t, 1, db.stored(t))
		require.Equal(t, []string{"1", "1"}, duplicates)

		other := e
		other.Source = "delivery"
		require.NoError(t, h.Handle(t.Context(), other), "an id is unique within its source only")
		require.Equal(t, 2, db.effects(t))
	})
}

func TestInboxForgetsAnEventWhoseHandlerFails(t *testing.T) {
	onEach(t, func(t *testing.T, db testDB) {
		ob := db.newOutbox(t, &broker{}, outbox.Config{})
		e := evt("1", "k")
		require.ErrorIs(t, shipping(ob, func() error { return bus.Permanent(errBusiness) }).Handle(t.Context(), e), errBusiness)
		require.Panics(t, func() { _ = shipping(ob, func() error { panic("boom") }).Handle(t.Context(), e) })
		seen, err := ob.Seen(t.Context(), e)
		require.NoError(t, err)
		require.False(t, seen)
		require.Zero(t, db.effects(t))

		require.NoError(t, shipping(ob, done).Handle(t.Context(), e))
		seen, err = ob.Seen(t.Context(), e)
		require.NoError(t, err)
		require.True(t, seen)
		require.Equal(t, 1, db.effects(t))
	})
}

func TestInboxHandlesAnEventOnceForEachConsumer(t *testing.T) {
	onEach(t, func(t *testing.T, db testDB) {
		mail := db.newOutbox(t, &broker{}, outbox.Config{Consumer: "mail"})
		audit := db.newOutbox(t, &broker{}, outbox.Config{Consumer: "audit"})
		for range 2 {
			require.NoError(t, shipping(mail, done).Handle(t.Context(), evt("1", "k")))
			require.NoError(t, shipping(audit, done).Handle(t.Context(), evt("1", "k")))
		}
		require.Equal(t, 2, db.effects(t))
	})
}

func TestInboxUnderConcurrency(t *testing.T) {
	onEach(t, func(t *testing.T, db testDB) {
		// Two outboxes, as in two processes, and a third of the attempts fails.
		obs := []*outbox.Outbox{db.newOutbox(t, &broker{}, outbox.Config{}), db.newOutbox(t, &broker{}, outbox.Config{})}
		var attempts atomic.Int64
		const events, copies = 20, 6
		var group sync.WaitGroup
		for c := range copies {
			h := shipping(obs[c%2], func() error {
				if attempts.Add(1)%3 == 0 {
					return errBusiness
				}
				return nil
			})
			group.Go(func() {
				for i := range events {
					e := evt(string(rune('a'+(i+c)%events)), "k")
					for { // until the message is acknowledged
						err := h.Handle(context.Background(), e)
						if err == nil {
							break
						}
						if !errors.Is(err, errBusiness) {
							t.Error(err)
							break
						}
					}
				}
			})
		}
		group.Wait()
		require.Equal(t, events, db.effects(t))
		require.Equal(t, events, db.count(t, "SELECT count(DISTINCT id) FROM effects"))
		require.Equal(t, events, db.stored(t))
	})
}

// TestAcceptByHand is how a handler calls the outside between transactions.
func TestAcceptByHand(t *testing.T) {
	onEach(t, func(t *testing.T, db testDB) {
		ob := db.newOutbox(t, &broker{}, outbox.Config{})
		accept := func(end error) (first bool) {
			err := ob.Transact(t.Context(), func(ctx context.Context, _ *sql.Tx) (err error) {
				first, err = ob.Accept(ctx, evt("1", "k"))
				require.NoError(t, err)
				seen, err := ob.Seen(ctx, evt("1", "k"))
				require.NoError(t, err)
				require.True(t, seen, "in its own transaction at once")
				return end
			})
			require.ErrorIs(t, err, end)
			return first
		}
		require.True(t, accept(errBusiness))
		require.True(t, accept(nil), "the first time was rolled back")
		require.False(t, accept(nil))
	})
}
