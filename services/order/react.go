package order

import (
	"context"
	"database/sql"
	"log/slog"

	"github.com/laban-io/laban/internal/chassis"
	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
	"github.com/laban-io/laban/pkg/outbox"
)

// service is what requests and events work on.
type service struct {
	db     *sql.DB
	bus    *bus.Bus
	outbox chassis.Outbox
	log    *slog.Logger
}

// react remembers what an event tells and derives the order's status anew. An
// event of an order that is not known is remembered like any other.
func (s *service) react(ctx context.Context, e event.Event, data heard) error {
	if err := data.check(e.Type); err != nil {
		return err
	}
	return s.outbox.Transact(ctx, func(ctx context.Context, tx *sql.Tx) error {
		exists, err := lockOrder(ctx, tx, data.OrderID)
		if err != nil {
			return err
		}
		if err := insertFact(ctx, tx, factOf(data.OrderID, e, data.Detail)); err != nil {
			return err
		}
		if !exists {
			outbox.AfterCommit(ctx, func() {
				s.log.WarnContext(ctx, "an event tells of an order that is not known here; it is remembered",
					"event", e.Type, "event_id", e.ID, "order_id", data.OrderID)
			})
			return nil
		}
		status, err := refreshStatus(ctx, tx, data.OrderID)
		if err != nil {
			return err
		}
		level := slog.LevelInfo
		if status == Inconsistent {
			level = slog.LevelError
		}
		outbox.AfterCommit(ctx, func() {
			s.log.Log(ctx, level, "an order's status is derived", "order_id", data.OrderID, "event", e.Type, "status", status)
		})
		return nil
	})
}
