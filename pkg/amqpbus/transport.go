package amqpbus

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/laban-io/laban/pkg/bus"
)

// Transport is a [bus.Transport] on RabbitMQ. Its methods are safe for
// concurrent use.
type Transport struct {
	cfg           Config
	names         names
	info          atomic.Pointer[bus.Info]
	roles         roles
	publisher     *publisher
	warnRetention sync.Once
	down          func(role string, err error) // told of each session's end; may be nil

	ctx     context.Context //nolint:containedctx // the transport's own life: ends when it is closed
	cancel  context.CancelFunc
	work    sync.WaitGroup // the publisher's supervisor
	refused chan error     // holds the error that ended the publisher for good
}

var _ bus.Transport = (*Transport)(nil)

// Open returns a transport and begins to connect. It waits for the first
// session until ctx ends, and then still returns a transport, which goes on
// trying: a service may start before its broker. [Transport.Ready] tells how it
// is. Open fails where no retry can help: a bad configuration, a refused login,
// a conflicting topology.
func Open(ctx context.Context, cfg Config) (*Transport, error) {
	cfg.setDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	t := &Transport{cfg: cfg, names: namesFor(cfg.Prefix), refused: make(chan error, 1)}
	t.ctx, t.cancel = context.WithCancel(context.Background())
	t.publisher = newPublisher(cfg.Window, cfg.PublishTimeout)
	t.setServer(cfg.URLs[0])

	t.work.Go(func() { t.publisher.sweepLoop(t.ctx) })
	firstUp := make(chan struct{})
	var once sync.Once
	t.work.Go(func() {
		err := t.supervise(t.ctx, "publisher", t.setUp(func(ctx context.Context, conn *connection, up func()) error {
			if err := t.declareShared(conn); err != nil {
				return err
			}
			return t.publisher.session(ctx, conn, func() {
				up()
				once.Do(func() { close(firstUp) })
			})
		}))
		if err != nil {
			t.refused <- err
			t.publisher.close(err)
		}
	})
	select {
	case <-firstUp:
		return t, nil
	case err := <-t.refused:
		t.cancel()
		t.work.Wait()
		return nil, err
	case <-ctx.Done():
		return t, nil
	}
}

// setServer notes which server the transport talks to.
func (t *Transport) setServer(url string) {
	uri, err := amqp.ParseURI(url)
	if err != nil {
		return // validated before
	}
	t.info.Store(&bus.Info{System: "rabbitmq", Exchange: t.names.events, Host: uri.Host, Port: uri.Port})
}

// Info describes where messages go at this moment.
func (t *Transport) Info() *bus.Info { return t.info.Load() }

// Ready returns nil if every session works and the broker takes messages.
func (t *Transport) Ready() error {
	if t.ctx.Err() != nil {
		return bus.ErrClosed
	}
	if err := t.roles.ready(); err != nil {
		return err
	}
	return t.publisher.ready()
}

// Close waits for outstanding confirms until ctx ends, then disconnects. What
// was not confirmed by then fails with [bus.ErrClosed].
func (t *Transport) Close(ctx context.Context) error {
	err := t.publisher.drain(ctx)
	t.cancel()
	t.work.Wait()
	t.publisher.close(bus.ErrClosed)
	return err
}

// Send publishes m to the events exchange; see [bus.Transport].
func (t *Transport) Send(ctx context.Context, m *bus.Message, done func(error)) {
	p, err := encode(m)
	if err != nil {
		done(err)
		return
	}
	t.publisher.send(ctx, t.names.events, m.Event.Type, p, done)
}

// SendToLog publishes m to the log's stream by the default exchange, so that no
// service and no wildcard subscriber receives it.
func (t *Transport) SendToLog(ctx context.Context, m *bus.Message) error {
	p, err := encode(m)
	if err != nil {
		return err
	}
	return t.publisher.sendWait(ctx, "", t.names.log, p)
}

// bound returns a context that also ends when the transport is closed, with
// cause [bus.ErrClosed], so that no session outlives it.
func (t *Transport) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(t.ctx, func() { cancel(bus.ErrClosed) })
	if t.ctx.Err() != nil {
		cancel(bus.ErrClosed)
	}
	return ctx, func() { stop(); cancel(nil) }
}

// ended returns what a supervised loop returns: its error, or that the transport
// was closed under it.
func ended(ctx context.Context, err error) error {
	if err == nil && errors.Is(context.Cause(ctx), bus.ErrClosed) {
		return bus.ErrClosed
	}
	return err
}
