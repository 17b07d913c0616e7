package bus

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/laban-io/laban/pkg/event"
)

// Bus is one service's part in the choreography. Make one with [New], register
// handlers with [Bus.Handle], then [Bus.Run] it. Publishing needs no Run.
// Publishing is safe for concurrent use; registering handlers is not.
type Bus struct {
	cfg       Config
	transport Transport
	hooks     hooks
	policy    retryPolicy
	routes    routes
	err       error // of registering handlers; returned by Run
	started   time.Time

	running   atomic.Bool
	consuming chan struct{} // closed when the first session consumes
	once      sync.Once
}

// New returns a bus for the service that cfg describes. The transport stays the
// caller's: close it after Run has returned.
func New(cfg Config, t Transport) (*Bus, error) {
	cfg.setDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	return &Bus{
		cfg:       cfg,
		transport: t,
		hooks:     sortHooks(cfg.Hooks),
		policy:    retryPolicy{levels: slices.Clone(cfg.RetryLevels), maxAttempts: cfg.MaxAttempts},
		started:   time.Now(),
		consuming: make(chan struct{}),
	}, nil
}

// Service returns the name of the service.
func (b *Bus) Service() string { return b.cfg.Service }

// Use wraps every handler that is registered from now on, inside the middlewares
// that are there already.
func (b *Bus) Use(middlewares ...Middleware) {
	b.cfg.Middleware = append(slices.Clone(b.cfg.Middleware), middlewares...)
}

// Handle lets h react to events of the given types. A type may be an AMQP topic
// pattern ("order.*", "#"); the handler of the exact type goes before that of a
// pattern. All handlers share the service's one queue. A type that has a
// handler already is an error, which Run returns.
func (b *Bus) Handle(h Handler, types ...string) {
	if b.running.Load() {
		panic("bus: Handle was called after Run") //nolint:forbidigo // a race with the handlers that run: the program is wrong
	}
	middlewares := append([]Middleware{Recover(), Timeout(b.cfg.HandlerTimeout)}, b.cfg.Middleware...)
	if err := b.routes.add(Chain(h, middlewares...), types); err != nil {
		b.err = errors.Join(b.err, fmt.Errorf("service %s: %w", b.cfg.Service, err))
	}
}

// HandleFunc is [Bus.Handle] for a function.
func (b *Bus) HandleFunc(f func(ctx context.Context, e event.Event) error, types ...string) {
	b.Handle(HandlerFunc(f), types...)
}

// Consuming is closed once the bus receives events for the first time.
func (b *Bus) Consuming() <-chan struct{} { return b.consuming }

// Ready returns nil if events are received and the broker answers, and why not
// otherwise.
func (b *Bus) Ready() error {
	select {
	case <-b.consuming:
		return b.transport.Ready()
	default:
		if err := b.transport.Ready(); err != nil {
			return err
		}
		return errors.New("the service does not receive events yet")
	}
}

// Run announces the service and handles events until ctx ends. Then it takes no
// more, lets running handlers finish for DrainTimeout, and returns nil. It
// returns an error where it can't ever work: a conflicting topology, refused
// access, or a mistake in registering handlers. A lost connection is none.
//
// Run may be called once. A bus without handlers announces itself and waits.
func (b *Bus) Run(ctx context.Context) error {
	if b.err != nil {
		return b.err
	}
	if b.running.Swap(true) {
		return errors.New("bus: Run was called twice")
	}
	announceNow := make(chan struct{}, 1)
	signal := func() {
		b.once.Do(func() { close(b.consuming) })
		select {
		case announceNow <- struct{}{}:
		default: // one is due already
		}
	}
	announceCtx, stop := context.WithCancel(ctx)
	var announcer sync.WaitGroup
	announcer.Go(func() { b.announceLoop(announceCtx, announceNow) })
	defer announcer.Wait()
	defer stop()

	if len(b.routes.keys) == 0 {
		signal()
		<-ctx.Done()
		return nil
	}
	return b.transport.Consume(ctx, Subscription{
		Queue:        b.cfg.Service,
		Keys:         slices.Clone(b.routes.keys),
		Concurrency:  b.cfg.Concurrency,
		RetryLevels:  b.policy.levels,
		DrainTimeout: b.cfg.DrainTimeout,
		Receive:      b.receive,
		OnSession:    signal,
	})
}
