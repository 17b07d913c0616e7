package chassis

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/outbox"
)

// Run runs the service until ctx ends, then stops it in the order that the
// package promises, and returns nil. It returns an error where the service
// can't ever work, or where something it is made of has ended with an error;
// also then everything is stopped in order. A database or broker that does not
// answer yet is waited for.
func Run(ctx context.Context, spec Spec, opts Options) error {
	opts.setDefaults()
	if err := opts.validate(spec); err != nil {
		if opts.Listener != nil {
			err = errors.Join(err, opts.Listener.Close())
		}
		return err
	}
	p := &process{
		spec:   spec,
		opts:   opts,
		log:    opts.Logger,
		health: newHealth(),
		failed: make(chan error, 5), // one for each goroutine of the process
	}
	return p.run(ctx)
}

// process is one run of a service.
type process struct {
	spec   Spec
	opts   Options
	log    *slog.Logger
	health *health

	server    *server
	db        *sql.DB
	dialect   outbox.Dialect
	transport bus.Transport
	bus       *bus.Bus
	outbox    *outbox.Outbox
	service   Service

	consumers worker // the bus and the service's own work
	relay     worker // the outbox
	failed    chan error
}

func (p *process) run(ctx context.Context) error {
	p.serveHTTP()
	err := p.start(ctx)
	if err == nil {
		err = p.wait(ctx)
	}
	if err != nil && ctx.Err() != nil && errors.Is(err, context.Cause(ctx)) {
		err = nil // it was asked to stop while it was starting
	}
	if err != nil {
		p.log.ErrorContext(ctx, "the service ends, because it can't do its work", "error", err)
	}
	return errors.Join(err, p.stop(context.WithoutCancel(ctx)))
}

// start connects to what the service needs, builds it, and sets it to work.
func (p *process) start(ctx context.Context) error {
	connect, connectCtx := errgroup.WithContext(ctx)
	connect.Go(func() error {
		if err := p.connectDatabase(connectCtx); err != nil {
			return err
		}
		p.health.set(checkDatabase, func(ctx context.Context) error { return ping(ctx, p.db) })
		return p.migrate(connectCtx)
	})
	connect.Go(func() error { return p.connectTransport(connectCtx) })
	if err := connect.Wait(); err != nil {
		return err
	}
	if err := p.build(ctx); err != nil {
		return err
	}
	p.work(ctx)
	return nil
}

// connectTransport takes the transport that the caller gave, or opens one.
func (p *process) connectTransport(ctx context.Context) error {
	if p.opts.Transport != nil {
		p.transport = p.opts.Transport
		p.health.set(checkBroker, func(context.Context) error { return p.opts.Transport.Ready() })
		return nil
	}
	t, err := p.opts.openTransport(ctx)
	if err != nil {
		return fmt.Errorf("connect to the broker: %w", err)
	}
	p.transport = t
	p.health.set(checkBroker, func(context.Context) error { return t.Ready() })
	return nil
}

// build makes the bus, the outbox and the service.
func (p *process) build(ctx context.Context) error {
	var err error
	p.bus, err = bus.New(bus.Config{
		Service:        p.spec.Name,
		Version:        p.opts.Version,
		Emits:          p.spec.Emits,
		Concurrency:    p.opts.Concurrency,
		RetryLevels:    p.opts.RetryLevels,
		HandlerTimeout: p.opts.HandlerTimeout,
		DrainTimeout:   p.opts.DrainTimeout / 2,
		Hooks:          p.opts.Hooks,
		Logger:         p.log,
	}, p.transport)
	if err != nil {
		return err
	}
	p.outbox, err = outbox.New(p.db, p.dialect, p.bus, outbox.Config{
		DrainTimeout: p.opts.DrainTimeout / 4,
		Logger:       p.log,
	})
	if err != nil {
		return err
	}
	if err := p.migrateOutbox(ctx); err != nil {
		return err
	}
	if err := p.opts.Metrics.Register(outbox.NewCollector(p.outbox)); err != nil {
		return fmt.Errorf("register the outbox's metrics: %w", err)
	}
	p.service, err = p.spec.Build(ctx, p.parts())
	if err != nil {
		return fmt.Errorf("build service %s: %w", p.spec.Name, err)
	}
	if p.service.Ready != nil {
		p.health.set(checkService, p.service.Ready)
	}
	return nil
}

func (p *process) parts() Parts {
	return Parts{
		DB:      p.db,
		Dialect: p.dialect,
		Bus:     p.bus,
		Outbox:  p.outbox,
		Logger:  p.log,
		Metrics: p.opts.Metrics,
		Version: p.opts.Version,
	}
}

// work opens the service to requests and events. The contexts of its goroutines
// do not end with ctx: [process.stop] ends each when its turn comes.
func (p *process) work(ctx context.Context) {
	ctx = context.WithoutCancel(ctx)
	p.mountService()
	p.health.set(checkBroker, func(context.Context) error { return p.bus.Ready() })
	p.health.enter(serving) // ready as soon as the bus is

	relayCtx := p.relay.start(ctx)
	p.relay.run(relayCtx, "the outbox's relay", p.failed, p.outbox.Run)
	consumeCtx := p.consumers.start(ctx)
	p.consumers.run(consumeCtx, "the bus", p.failed, p.bus.Run)
	if p.service.Run != nil {
		p.consumers.run(consumeCtx, "the service's own work", p.failed, p.service.Run)
	}
	p.consumers.run(consumeCtx, "the wait for events", p.failed, p.announceConsuming)
}

// announceConsuming tells people and the caller when events arrive.
func (p *process) announceConsuming(ctx context.Context) error {
	select {
	case <-p.bus.Consuming():
		p.log.InfoContext(ctx, "the service is running", "service", p.spec.Name, "version", p.opts.Version, "database", p.dialect.String())
		if p.opts.OnConsuming != nil {
			p.opts.OnConsuming(p.parts())
		}
	case <-ctx.Done():
	}
	<-ctx.Done()
	return nil
}

// wait returns when ctx ends, or with the error of what has ended before.
func (p *process) wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case err := <-p.failed:
		return err
	}
}

// worker is a group of goroutines that end together.
type worker struct {
	cancel context.CancelFunc
	group  sync.WaitGroup
}

// start returns the context that the goroutines are to have.
func (w *worker) start(ctx context.Context) context.Context {
	ctx, w.cancel = context.WithCancel(ctx)
	return ctx
}

// run runs f on a goroutine. If f returns before the worker is stopped, or with
// an error other than that it was, that is reported to failed, which must have
// room.
func (w *worker) run(ctx context.Context, what string, failed chan<- error, f func(context.Context) error) {
	w.group.Go(func() {
		err := f(ctx)
		switch {
		case ctx.Err() != nil && (err == nil || errors.Is(err, context.Canceled)):
		case err != nil:
			failed <- fmt.Errorf("%s: %w", what, err)
		default:
			failed <- fmt.Errorf("%s ended by itself, which it must not", what)
		}
	})
}

// stop ends the goroutines and waits for them. A worker that was never started
// has none.
func (w *worker) stop() {
	if w.cancel == nil {
		return
	}
	w.cancel()
	w.group.Wait()
}
