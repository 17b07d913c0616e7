package notification

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/laban-io/laban/internal/chassis"
	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
	"github.com/laban-io/laban/pkg/outbox"
	"github.com/laban-io/laban/services/notification/mailer"
)

// handler reacts to events.
type handler struct {
	outbox      chassis.Outbox
	mailer      mailer.Mailer
	sendTimeout time.Duration
	log         *slog.Logger
}

// react writes the mail about one change: transaction, mail, transaction. What
// ends the service in between leaves the intent, and the same event, which
// comes again, carries on.
func (h *handler) react(ctx context.Context, e event.Event, c change) error {
	if err := c.check(); err != nil {
		return err
	}
	to, err := mailer.ParseAddress(c.CustomerEmail)
	if err != nil {
		return fmt.Errorf("%w: customer_email of order %s: %w", event.ErrData, c.OrderID, err)
	}
	m := Mail{ID: mailID(e), EventID: e.ID, About: e.Type, OrderID: c.OrderID, To: string(to)}
	due, err := h.intend(ctx, e, m)
	if err != nil || !due {
		return err
	}
	if err := h.send(ctx, e, c, to, m); err != nil {
		return err
	}
	return h.conclude(ctx, e, m)
}

// intend commits the intent to send a mail and tells whether it is to be sent.
// Where it is not, it has noted that the event was handled.
func (h *handler) intend(ctx context.Context, e event.Event, m Mail) (due bool, err error) {
	err = h.outbox.Transact(ctx, func(ctx context.Context, tx *sql.Tx) error {
		sent, err := saveIntent(ctx, tx, e, m)
		if err != nil {
			return err
		}
		if due = !sent; due {
			return nil
		}
		_, err = h.outbox.Accept(ctx, e)
		return err
	})
	return due, err
}

// send hands the mail over, outside of any transaction.
func (h *handler) send(ctx context.Context, e event.Event, c change, to mailer.Address, m Mail) error {
	ctx, cancel := context.WithTimeoutCause(ctx, h.sendTimeout, errNoAnswer)
	defer cancel()
	subject, text := write(e.Type, c)
	err := h.mailer.Send(ctx, mailer.Mail{ID: m.ID, To: to, Subject: subject, Text: text, Date: e.Time})
	var no *mailer.Refused
	switch {
	case errors.As(err, &no):
		return bus.Permanent(fmt.Errorf("mail about %s of order %s: %w", m.About, m.OrderID, err))
	case err != nil:
		return bus.Retry(fmt.Errorf("mail about %s of order %s: %w", m.About, m.OrderID, err))
	default:
		return nil
	}
}

// errNoAnswer is the cause with which a call's context ends.
var errNoAnswer = errors.New("no answer within MAIL_TIMEOUT")

// conclude commits that the mail was sent and publishes it, unless somebody
// else who sent the same was faster.
func (h *handler) conclude(ctx context.Context, e event.Event, m Mail) error {
	return h.outbox.Transact(ctx, func(ctx context.Context, tx *sql.Tx) error {
		news, err := saveSent(ctx, tx, e, m)
		if err != nil {
			return err
		}
		if news {
			outbox.AfterCommit(ctx, func() {
				h.log.DebugContext(ctx, "the customer is told", "order_id", m.OrderID, "about", m.About)
			})
			if err := h.outbox.Publish(ctx, event.New(notificationSent, sent{
				OrderID: m.OrderID, About: m.About, To: m.To, EventID: m.EventID,
			}).WithSubject(m.OrderID)); err != nil {
				return err
			}
		}
		_, err = h.outbox.Accept(ctx, e)
		return err
	})
}

// mailID derives a mail's id from the event it is about. An event's own id may
// hold characters that a Message-ID may not.
func mailID(e event.Event) string {
	sum := sha256.Sum256([]byte(e.Source + "\x00" + e.ID))
	return hex.EncodeToString(sum[:16])
}
