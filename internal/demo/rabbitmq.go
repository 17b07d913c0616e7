package demo

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/laban-io/laban/pkg/amqpbus"
	"github.com/laban-io/laban/pkg/bus"
)

// rabbitMQ is a RabbitMQ that runs elsewhere.
type rabbitMQ struct {
	url string
	tls *tls.Config
	// waiting, where set, is told why a broker does not answer yet, once.
	waiting func(why error)
	said    sync.Once
	// lostBefore is how many messages were lost before this run.
	lostBefore int
}

const (
	// dialTimeout is how long RabbitMQ may take to answer at all.
	dialTimeout = 5 * time.Second
	// sayAfter is how long it may take before it is said that, and why, the demo
	// waits.
	sayAfter = 500 * time.Millisecond
)

// newRabbitMQ returns the RabbitMQ at an AMQP URL. It does not connect yet.
func newRabbitMQ(url string) (*rabbitMQ, error) {
	if _, err := amqp.ParseURI(url); err != nil {
		return nil, usage("--amqp %s is no AMQP URL; write it like amqp://user:password@host:5672/vhost", amqpbus.Redact(url))
	}
	cfg, err := amqpbus.LoadTLS(os.Getenv("AMQP_TLS_CA"), os.Getenv("AMQP_TLS_CERT"), os.Getenv("AMQP_TLS_KEY"))
	if err != nil {
		return nil, usage("AMQP_TLS_…: %w", err)
	}
	return &rabbitMQ{url: url, tls: cfg}, nil
}

func (r *rabbitMQ) String() string { return "RabbitMQ at " + amqpbus.Redact(r.url) }

func (r *rabbitMQ) open(ctx context.Context, service string, log *slog.Logger) (bus.Transport, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	soon, stop := context.WithTimeout(ctx, sayAfter)
	defer stop()
	t, err := amqpbus.Open(soon, amqpbus.Config{URLs: []string{r.url}, TLS: r.tls, Name: "laban demo " + service, Logger: log})
	if err != nil {
		return nil, err
	}
	if err := r.await(ctx, t); err != nil {
		closing, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		return nil, errors.Join(err, t.Close(closing))
	}
	return t, nil
}

// await returns when t is connected. Otherwise it returns why it is not, when
// ctx ends or waiting is of no use.
func (r *rabbitMQ) await(ctx context.Context, t bus.Transport) error {
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for {
		err := t.Ready()
		var access *amqpbus.AccessError
		var conflict *amqpbus.ConflictError
		if err == nil || errors.As(err, &access) || errors.As(err, &conflict) {
			return err
		}
		if r.waiting != nil {
			r.said.Do(func() { r.waiting(err) })
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return r.unreachable(err)
		}
	}
}

// unreachable says what to do about a broker that does not answer.
func (r *rabbitMQ) unreachable(err error) error {
	return fmt.Errorf("%s does not answer: %w\n"+
		"Is it running, and is this its AMQP port? To start one:\n"+
		"  docker run --rm -p 5672:5672 -p 15672:15672 rabbitmq:4-management\n"+
		"Without --amqp the demo runs in memory and needs no broker", r, err)
}

// leftovers looks at the services' queues.
func (r *rabbitMQ) leftovers(ctx context.Context, services []string) (left []string, err error) {
	err = r.inspect(ctx, func(look func(queue string) (amqp.Queue, error)) error {
		waiting, parked := 0, 0
		for _, service := range services {
			names := []string{service}
			for _, level := range bus.DefaultRetryLevels() {
				names = append(names, amqpbus.RetryQueue(service, level))
			}
			for _, name := range names {
				q, err := look(name)
				if err != nil {
					return err
				}
				if q.Consumers > 0 {
					return fmt.Errorf("%s: somebody consumes the queue %q already, another demo or the services themselves; "+
						"they and this demo would take each other's messages. Stop them, or use a virtual host of its own:\n"+
						"  rabbitmqctl add_vhost demo && rabbitmqctl set_permissions -p demo guest '.*' '.*' '.*'", r, name)
				}
				waiting += q.Messages
			}
			q, err := look(amqpbus.ParkedQueue(service))
			if err != nil {
				return err
			}
			parked += q.Messages
		}
		if waiting > 0 {
			left = append(left, fmt.Sprintf("%s of an earlier run wait in the services' queues; they are handled, and not counted", plural(waiting, "message")))
		}
		if parked > 0 {
			left = append(left, fmt.Sprintf("%s of an earlier run are parked; they stay where they are, and are not counted", plural(parked, "message")))
		}
		q, err := look(lostQueue)
		r.lostBefore = q.Messages
		return err
	})
	return left, err
}

// lostQueue has the messages that could be neither retried nor parked.
const lostQueue = "events.lost"

func (r *rabbitMQ) lost(ctx context.Context) (n int, err error) {
	err = r.inspect(ctx, func(look func(string) (amqp.Queue, error)) error {
		q, err := look(lostQueue)
		n = max(q.Messages-r.lostBefore, 0)
		return err
	})
	return n, err
}

// inspect lets f look at queues, on a connection for just that. A queue that is
// not there is empty.
func (r *rabbitMQ) inspect(ctx context.Context, f func(look func(queue string) (amqp.Queue, error)) error) error {
	deadline, ok := ctx.Deadline()
	if limit := time.Now().Add(dialTimeout); !ok || limit.Before(deadline) {
		deadline = limit
	}
	conn, err := amqp.DialConfig(r.url, amqp.Config{
		TLSClientConfig: r.tls.Clone(),
		Heartbeat:       10 * time.Second,
		Dial: func(network, addr string) (net.Conn, error) {
			conn, err := (&net.Dialer{Deadline: deadline}).DialContext(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			return conn, conn.SetDeadline(deadline)
		},
	})
	if err != nil {
		return r.unreachable(err)
	}
	defer func() { _ = conn.CloseDeadline(time.Now().Add(time.Second)) }() // it was only looked at
	return f(func(queue string) (amqp.Queue, error) {
		ch, err := conn.Channel() // one each: a queue that is not there closes it
		if err != nil {
			return amqp.Queue{}, fmt.Errorf("look at the queue %s: %w", queue, err)
		}
		q, err := ch.QueueDeclarePassive(queue, true, false, false, false, nil)
		var refused *amqp.Error
		switch {
		case errors.As(err, &refused) && refused.Code == amqp.NotFound:
			return amqp.Queue{}, nil
		case err != nil:
			return amqp.Queue{}, fmt.Errorf("look at the queue %s: %w", queue, err)
		}
		return q, ch.Close()
	})
}

func (*rabbitMQ) close() {}
