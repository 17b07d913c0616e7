package source

import (
	"context"
	"errors"
	"fmt"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/laban-io/laban/internal/observer/config"
	"github.com/laban-io/laban/pkg/amqpbus"
	"github.com/laban-io/laban/pkg/bus"
)

// tapEvery is how often it is looked for new exchanges.
const tapEvery = 15 * time.Second

// Tap binds the configured exchanges to the log.
func (a *AMQP) Tap(ctx context.Context, told func([]Bound)) error {
	if len(a.cfg.Taps) == 0 {
		<-ctx.Done()
		return nil
	}
	return a.sessions.Run(ctx, "taps", func(ctx context.Context, conn *amqp.Connection, up func()) error {
		if err := a.declare(conn); err != nil {
			return err
		}
		up()
		for {
			bound, err := a.bindAll(ctx, conn, true)
			if err != nil {
				return err
			}
			told(bound)
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(tapEvery):
			}
		}
	})
}

// Report is what [AMQP.Check] found.
type Report struct {
	LogExists bool
	Taps      []Bound
	// Management says what the management API adds, or why it can't be asked.
	Management string
}

// Check asks the broker what would be observed, and declares and binds nothing.
func (a *AMQP) Check(ctx context.Context) (r Report, err error) {
	if a.management == nil {
		r.Management = "no management API: unacknowledged messages, and bindings of services that do not announce themselves, can't be seen"
	} else {
		defer a.management.close()
		r.Management = "the management API answers"
		if _, err := a.management.queues(ctx); err != nil {
			r.Management = err.Error()
		}
	}
	err = a.sessions.Once(ctx, "check", func(ctx context.Context, conn *amqp.Connection) error {
		if r.LogExists, err = queueExists(conn, a.cfg.Log); err != nil {
			return err
		}
		r.Taps, err = a.bindAll(ctx, conn, false)
		return err
	})
	return r, err
}

func (a *AMQP) bindAll(ctx context.Context, conn *amqp.Connection, bind bool) ([]Bound, error) {
	var exchanges []exchangeInfo
	var known error
	if a.management != nil {
		exchanges, known = a.management.exchanges(ctx)
	}
	types := make(map[string]string, len(exchanges))
	for _, e := range exchanges {
		types[e.Name] = e.Type
	}
	all := make([]Bound, len(a.cfg.Taps))
	for i := range a.cfg.Taps {
		t := &a.cfg.Taps[i]
		b := &all[i]
		b.Exchange = t.Exchange
		names := []string{t.Exchange}
		if config.IsPattern(t.Exchange) {
			names = nil
			for _, e := range exchanges {
				if e.Name != "" && !a.own(e.Name) && config.Matches(t.Exchange, e.Name) {
					names = append(names, e.Name)
				}
			}
			if len(names) == 0 {
				b.Problem = "no exchange matches yet"
				if known != nil {
					b.Problem = known.Error()
				}
			}
		}
		for _, name := range names {
			if err := a.tapOne(conn, t, name, types[name], bind, b); err != nil {
				return nil, err
			}
		}
	}
	return all, nil
}

// own tells whether an exchange is RabbitMQ's own or this system's.
func (a *AMQP) own(exchange string) bool {
	n := a.names
	switch exchange {
	case n.Events, n.Retry, n.Dead, n.Route, n.Unrouted, n.LostBox, n.Retry + ".route", n.Dead + ".route":
		return true
	}
	return len(exchange) >= 4 && exchange[:4] == "amq."
}

func (a *AMQP) tapOne(conn *amqp.Connection, t *config.Tap, exchange, kind string, bind bool, b *Bound) error {
	keys := t.Keys
	if len(keys) == 0 {
		keys = []string{"#"}
		if kind == "direct" {
			b.Problem = "exchange " + exchange + " is a direct one, which understands no \"#\": say which messages, as in keys: [order.placed]"
			return nil
		}
	}
	ch, err := conn.Channel()
	if err != nil {
		return fmt.Errorf("open a channel: %w", err)
	}
	defer func() { _ = ch.Close() }()
	if err := ch.ExchangeDeclarePassive(exchange, "topic", false, false, false, false, nil); err != nil {
		return refusal(err, b, "there is no exchange "+exchange+" yet", "look at exchange "+exchange)
	}
	for _, key := range keys {
		if bind {
			if err := ch.QueueBind(a.cfg.Log, key, exchange, false, nil); err != nil {
				return refusal(err, b, "there is no exchange "+exchange+" any more",
					fmt.Sprintf("bind exchange %s to %s: grant the permission to read %s and to write %s", exchange, a.cfg.Log, exchange, a.cfg.Log))
			}
		}
		b.Bindings = append(b.Bindings, exchange+" "+key)
	}
	return nil
}

// refusal notes what the broker refused, and returns any other error.
func refusal(err error, b *Bound, missing, doing string) error {
	var refused *amqp.Error
	switch {
	case errors.As(err, &refused) && refused.Code == amqp.NotFound:
		b.Problem = missing
	case errors.As(err, &refused) && refused.Code == amqp.AccessRefused:
		b.Problem = doing + ": " + amqpbus.Explain(err, "exchange", b.Exchange).Error()
	default:
		return fmt.Errorf("%w: %s: %w", bus.ErrSessionLost, doing, err)
	}
	return nil
}

// Advice is what is to be said of taps before they are bound.
func Advice(cfg *config.Config) []string {
	var all []string
	for i := range cfg.Taps {
		t := &cfg.Taps[i]
		if len(t.Keys) == 0 {
			all = append(all, fmt.Sprintf("tap %s: binding with \"#\" routes every message to the log, so publishers that ask for unroutable messages back (mandatory) get none back any more, and an alternate exchange gets none; give keys: to leave some out", t.Exchange))
			if cfg.Management == "" {
				all = append(all, fmt.Sprintf("tap %s: without management: its type can't be seen; if it is a direct exchange, \"#\" receives nothing there: give keys:", t.Exchange))
			}
		}
		if t.ID == "" {
			all = append(all, fmt.Sprintf("tap %s: events are told from their duplicates by the property message-id; where publishers set none, nothing is", t.Exchange))
		}
		if t.Causation == "" {
			all = append(all, fmt.Sprintf("tap %s: without causation: what caused an event is inferred from the contract, and marked so", t.Exchange))
		}
	}
	return all
}
