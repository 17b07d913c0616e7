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
		return lacks(err, fmt.Sprintf("there is no stream %s, and it can't be declared (declare it with x-queue-type=stream, or let the observer)", a.cfg.Log),
			"configure", a.cfg.Log)
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
		w, err := newWriter(conn)
		if err != nil {
			return err
		}
		return w.append(ctx, a.cfg.Log, e)
	})
}
