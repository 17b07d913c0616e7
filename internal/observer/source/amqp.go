package source

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/laban-io/laban/internal/observer/config"
	"github.com/laban-io/laban/pkg/amqpbus"
	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
)

// AMQP is a log on RabbitMQ.
type AMQP struct {
	cfg        *config.Config
	log        *slog.Logger
	sessions   *amqpbus.Sessions
	names      amqpbus.Exchanges
	management *management // nil where there is none

	mu     sync.Mutex
	warned map[string]bool
	down   map[string]func(error) // by role
}

// onDown has fn called when a session with this role ends or can't begin.
func (a *AMQP) onDown(role string, fn func(error)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.down[role] = fn
}

func (a *AMQP) wentDown(role string, err error) {
	a.mu.Lock()
	fn := a.down[role]
	a.mu.Unlock()
	if fn != nil {
		fn(err)
	}
}

var _ Log = (*AMQP)(nil)

// heartbeat is short: where a host vanishes, another observer takes over when
// the broker has missed two of them.
const heartbeat = 3 * time.Second

// Open checks what cfg says of the broker, and connects to nothing yet.
func Open(cfg *config.Config, log *slog.Logger) (*AMQP, error) {
	client := amqpbus.Config{
		URLs: cfg.AMQP, Name: "laban observer", Prefix: cfg.Prefix, Heartbeat: heartbeat,
		ConnectTimeout: 5 * time.Second, WriteTimeout: 2 * time.Second, MaxBackoff: 2 * time.Second, Logger: log,
	}
	if cfg.TLS != (config.TLS{}) {
		tls, err := amqpbus.LoadTLS(cfg.TLS.CA, cfg.TLS.Cert, cfg.TLS.Key)
		if err != nil {
			return nil, err
		}
		client.TLS = tls
	}
	a := &AMQP{cfg: cfg, log: log, names: amqpbus.ExchangesOf(cfg.Prefix), warned: map[string]bool{}, down: map[string]func(error){}}
	var err error
	if a.sessions, err = amqpbus.NewSessions(client, a.wentDown); err != nil {
		return nil, err
	}
	if cfg.Management != "" {
		if a.management, err = newManagement(cfg.Management, cfg.AMQP[0], client.TLS); err != nil {
			return nil, err
		}
	}
	return a, nil
}

// Stream is the log's name.
func (a *AMQP) Stream() string { return a.cfg.Log }

// declare declares the log where that is allowed.
func (a *AMQP) declare(conn *amqp.Connection) error {
	err := a.sessions.DeclareLog(conn, a.cfg.Log)
	var refused *amqpbus.AccessError
	if !errors.As(err, &refused) {
		return err
	}
	exists, lookErr := queueExists(conn, a.cfg.Log)
	if lookErr != nil {
		return lookErr
	}
	if !exists {
		return fmt.Errorf("there is no stream %s, and the broker does not let this user declare it: grant the permission to configure and write %s and to read it (rabbitmqctl set_permissions), or declare it with x-queue-type=stream: %w",
			a.cfg.Log, a.cfg.Log, err)
	}
	a.warnOnce("the broker does not let this user declare the log; the one that is there is used", "stream", a.cfg.Log, "error", err)
	return nil
}

func (a *AMQP) warnOnce(message string, args ...any) {
	a.mu.Lock()
	told := a.warned[message]
	a.warned[message] = true
	a.mu.Unlock()
	if !told {
		a.log.Warn(message, args...) //nolint:sloglint // each caller gives a constant
	}
}

// queueExists tells whether there is a queue, on a channel of its own.
func queueExists(conn *amqp.Connection, queue string) (bool, error) {
	ch, err := conn.Channel()
	if err != nil {
		return false, fmt.Errorf("open a channel: %w", err)
	}
	_, err = ch.QueueDeclarePassive(queue, true, false, false, false, nil)
	var refused *amqp.Error
	if errors.As(err, &refused) && refused.Code == amqp.NotFound {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look at queue %s: %w", queue, amqpbus.Explain(err, "queue", queue))
	}
	return true, ch.Close()
}

// appendTimeout bounds how long the broker may take to confirm a record.
const appendTimeout = 10 * time.Second

// Append puts a record into the log, on a connection of its own.
func (a *AMQP) Append(ctx context.Context, e event.Event) error {
	ctx, cancel := context.WithTimeout(ctx, appendTimeout)
	defer cancel()
	return a.sessions.Once(ctx, "writer", func(ctx context.Context, conn *amqp.Connection) error {
		if err := a.declare(conn); err != nil {
			return err
		}
		ch, err := confirming(conn)
		if err != nil {
			return err
		}
		return appendTo(ctx, ch, a.cfg.Log, e)
	})
}

func confirming(conn *amqp.Connection) (*amqp.Channel, error) {
	ch, err := conn.Channel()
	if err == nil {
		err = ch.Confirm(false)
	}
	if err != nil {
		return nil, fmt.Errorf("open a channel to write: %w", err)
	}
	return ch, nil
}

// appendTo puts a record into a stream by the default exchange, so that no
// service receives it.
func appendTo(ctx context.Context, ch *amqp.Channel, stream string, e event.Event) error {
	p, err := amqpbus.EncodeEvent(&bus.Message{Event: e, RoutingKey: e.Type})
	if err != nil {
		return err
	}
	return publish(ctx, ch, stream, p)
}

func publish(ctx context.Context, ch *amqp.Channel, queue string, p amqp.Publishing) error {
	confirm, err := ch.PublishWithDeferredConfirmWithContext(ctx, "", queue, false, false, p)
	if err != nil {
		return fmt.Errorf("write to %s: %w", queue, err)
	}
	taken, err := confirm.WaitContext(ctx)
	switch {
	case err != nil:
		return fmt.Errorf("write to %s: no confirm: %w", queue, err)
	case !taken:
		return fmt.Errorf("write to %s: %w", queue, bus.ErrRejected)
	}
	return nil
}
