package demo

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"github.com/laban-io/laban/internal/observer"
	observerapi "github.com/laban-io/laban/internal/observer/api"
	"github.com/laban-io/laban/internal/observer/config"
	"github.com/laban-io/laban/internal/observer/process"
	"github.com/laban-io/laban/internal/observer/source"
	"github.com/laban-io/laban/internal/parked"
	contract "github.com/laban-io/laban/pkg/choreography"
	"github.com/laban-io/laban/pkg/flow"
)

// watcher is the observer that a demo has built in: the one of laban observe,
// which knows of the demo nothing but its log.
type watcher struct {
	address  string
	contract *contract.Choreography
	found    *detections
	observer *observer.Observer

	cancel context.CancelFunc
	works  sync.WaitGroup
	done   chan struct{}
	err    error // once done is closed

	since time.Time // when it was first asked whether it has caught up
	next  time.Time // when to look again
	is    bool
}

// DefaultObserverListen is where a demo's observer answers, or at the next free
// port.
const DefaultObserverListen = config.DefaultListen

// startWatcher starts the observer, and returns when it sees.
func (d *demo) startWatcher(ctx context.Context) (*watcher, error) {
	w := &watcher{found: newDetections(), done: make(chan struct{})}
	var err error
	if w.contract, err = hurried(d.cfg.Hurry); err != nil {
		return nil, err
	}
	cfg := config.Default()
	cfg.Ledger, cfg.Management = "sqlite:"+filepath.Join(d.dir, "observer.db"), d.cfg.Management
	if d.cfg.AMQP != "" {
		cfg.AMQP, cfg.From = []string{d.cfg.AMQP}, "next" // other runs are none of this one's business
	}
	opts := process.Options{
		Version: d.cfg.Version, Token: process.TokenFromEnvironment(), Logger: d.logs.logger(),
		Log: d.broker.log(), Parked: d.broker.parked(), Contracts: []*contract.Choreography{w.contract},
	}
	if d.cfg.ObserverListen == "" {
		opts.Listener, err = process.ListenNear(ctx, DefaultObserverListen, opts.Token)
	} else {
		opts.Listener, err = observerapi.Listen(ctx, d.cfg.ObserverListen, opts.Token)
	}
	if err != nil {
		return nil, fmt.Errorf("--observer-listen: %w", err)
	}
	w.address = "http://" + opts.Listener.Addr().String()
	observers := make(chan *observer.Observer, 1)
	opts.Observing = func(o *observer.Observer) { observers <- o }
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	w.cancel = cancel
	go func() {
		defer close(w.done)
		w.err = process.Run(running, cfg, opts)
	}()
	if err := w.begin(ctx, observers, d.book.stallFound); err != nil {
		return nil, errors.Join(fmt.Errorf("%w; --no-observer does without", err), w.stop())
	}
	return w, nil
}

// terminal says how to ask the observer in a terminal. The list has keys in full:
// by the end of one, which is what a screen has room for, nothing is found.
func (w *watcher) terminal() string {
	if w.address == "http://"+DefaultObserverListen {
		return "laban flows list --status stalled, laban where KEY"
	}
	return "export LABAN_OBSERVER=" + w.address + "; laban flows list --status stalled, laban where KEY"
}

// maxFound bounds what the observer has found and nobody has taken note of.
const maxFound = 1 << 16

// begin follows the observer, and returns when that sees.
func (w *watcher) begin(ctx context.Context, observers <-chan *observer.Observer, told func(*flow.Transition)) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	select {
	case w.observer = <-observers:
	case <-w.done:
		return w.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	found, _ := w.observer.Subscribe(maxFound) // ends with the observer
	w.works.Go(func() { w.found.follow(found, told) })
	return process.AwaitSight(ctx, w.observer)
}

// stop ends the observer, after its last commit.
func (w *watcher) stop() error {
	w.cancel()
	<-w.done
	w.works.Wait()
	return w.err
}

// How long the observer may take to know what the log says by now, and with
// faults beyond the longest deadline: it looks again at causes every 5 s, and is told of
// queues that have not changed every 10 s.
const (
	catchUpLimit = 5 * time.Second
	causesLimit  = 17 * time.Second
	lookEvery    = 100 * time.Millisecond
)

// caughtUp tells whether the observer knows how every order ended, and has found
// every stall; or has had its time.
func (d *demo) caughtUp(now time.Time) bool {
	w := d.watcher
	if w == nil {
		return true
	}
	if now.Before(w.next) {
		return w.is
	}
	if w.since.IsZero() {
		w.since = now
	}
	limit := catchUpLimit
	if d.injector != nil {
		limit = causesLimit
		for _, due := range d.injector.within {
			limit = max(limit, causesLimit+due)
		}
	}
	w.next = now.Add(lookEvery)
	w.is = now.Sub(w.since) > limit || d.verdict().OK() && len(d.book.unlike(w.found)) == 0
	return w.is
}

// verdict holds what the observer found against the faults that were made.
func (d *demo) verdict() *Verdict {
	var now time.Time
	if !d.cfg.Exit {
		now = time.Now() // whoever ends it does not wait for the last deadline
	}
	var hits []hit
	if d.injector != nil {
		hits = d.injector.made()
	}
	unacked := seesUnacked(d.watcher.observer.Status())
	return d.watcher.found.compare(now, hits, d.book.expectsStall, func(k FaultKind) flow.Cause {
		if k == Drop && !unacked {
			return flow.Taken // what the handler did not do can't be told from what it has not done yet
		}
		return k.Cause()
	})
}

// log returns the log of a broker in memory, and nil for one that the observer
// reaches by itself.
func (m *memory) log() source.Log { return source.NewMemory(m.broker) }

func (*rabbitMQ) log() source.Log { return nil }

func (m *memory) parked() parked.Store { return parked.NewMemory(m.broker) }

func (*rabbitMQ) parked() parked.Store { return nil }
