package main

import (
	"context"
	_ "embed"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/laban-io/laban/internal/observer"
	"github.com/laban-io/laban/internal/observer/config"
	"github.com/laban-io/laban/internal/observer/process"
	"github.com/laban-io/laban/pkg/choreography"
	"github.com/laban-io/laban/pkg/flow"
)

//go:embed intended.choreography.yaml
var intended []byte

// watcher is the observer, and what it says of orders.
type watcher struct {
	options
	address     string
	transitions <-chan flow.Transition
	started     time.Time
	cancel      context.CancelFunc
	done        chan struct{}
	err         error // once done is closed

	placed  int
	ended   int
	stopped map[string]flow.Transition // by the order's key: why it stopped
}

// observe starts an observer with the contract that the team believes in. It
// knows nothing of the services, and reads what a broker's log says.
func (s *shop) observe(ctx context.Context) (*watcher, error) {
	contract, err := choreography.Parse("intended.choreography.yaml", intended)
	if err != nil {
		return nil, err
	}
	listener, err := process.ListenNear(ctx, s.listen, process.TokenFromEnvironment())
	if err != nil {
		return nil, err
	}
	cfg := config.Default()
	cfg.Ledger = "sqlite::memory:"
	if s.amqp != "" {
		cfg.AMQP, cfg.From = []string{s.amqp}, "next" // earlier runs are none of this one's business
	}
	observers := make(chan *observer.Observer, 1)
	watching, cancel := context.WithCancel(ctx)
	w := &watcher{
		options: s.options, address: listener.Addr().String(), started: time.Now(),
		cancel: cancel, done: make(chan struct{}), stopped: make(map[string]flow.Transition),
	}
	go func() {
		defer close(w.done)
		w.err = process.Run(watching, cfg, process.Options{
			Version: "tutorial", Token: process.TokenFromEnvironment(), Logger: s.log, Listener: listener,
			Log: s.source(), Contracts: []*choreography.Choreography{contract},
			Observing: func(o *observer.Observer) { observers <- o },
		})
	}()
	if err := w.begin(ctx, observers); err != nil {
		if why := w.stop(); why != nil {
			err = why
		}
		return nil, err
	}
	return w, nil
}

// begin returns when the observer sees.
func (w *watcher) begin(ctx context.Context, observers <-chan *observer.Observer) error {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	select {
	case o := <-observers:
		w.transitions, _ = o.Subscribe(1000) // ends with the observer
		return process.AwaitSight(ctx, o)
	case <-w.done:
		return w.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (w *watcher) stop() error {
	w.cancel()
	<-w.done
	return w.err
}

// opening says what runs, and what to try.
func (w *watcher) opening(s *shop) {
	where := "in memory"
	if s.amqp != "" {
		where = "on RabbitMQ"
	}
	elsewhere := ""
	if _, port, _ := net.SplitHostPort(w.address); port != "7070" {
		elsewhere = " --observer http://" + w.address
	}
	w.say("The tutorial's shop is open, %s: services that react to each other's events, and nobody in charge.", where)
	w.say("Every third card is declined. An observer answers at http://%s; meanwhile, in another terminal:", w.address)
	w.say("")
	w.say("  go run ./cmd/laban where 3%s", elsewhere)
	w.say("  go run ./cmd/laban flows list%s", elsewhere)
	w.say("")
	w.started = time.Now()
}

// tell says what became of an order.
func (w *watcher) tell(t *flow.Transition) {
	switch t.Kind {
	case flow.Started:
		w.placed++
		w.happened("order %-3s placed", t.Key)
	case flow.Ended:
		w.ended++
		how := "shipped"
		if t.Class == choreography.Failed {
			how = "payment rejected, stock returned"
		}
		w.happened("order %-3s %s", t.Key, how)
	case flow.Overdue:
		w.stopped[t.Key] = *t
		w.happened("order %-3s STOPPED after %s: %s owes %s", t.Key, t.Due.On, t.Due.Service, strings.Join(t.Due.For, " or "))
		w.why(t)
	case flow.Reasoned:
		if t.Finding.Cause != w.stopped[t.Key].Finding.Cause {
			w.happened("order %-3s is seen more clearly now", t.Key)
			w.why(t)
		}
		w.stopped[t.Key] = *t
	case flow.Recovered:
		delete(w.stopped, t.Key)
		w.happened("order %-3s goes on: %s has answered", t.Key, t.Due.Service)
	default: // explained by those
	}
}

func (w *watcher) why(t *flow.Transition) {
	w.say("%19s%s: %s", "", t.Finding.Cause, t.Finding.Evidence)
}

// conclude sums up.
func (w *watcher) conclude() {
	w.say("")
	rest := ""
	if n := w.placed - w.ended - len(w.stopped); n > 0 {
		rest = fmt.Sprintf(", %d under way", n)
	}
	w.say("orders: %d placed, %d ended, %d stopped%s.", w.placed, w.ended, len(w.stopped), rest)
}

func (w *watcher) happened(format string, args ...any) {
	w.say("%6.1fs  "+format, append([]any{time.Since(w.started).Seconds()}, args...)...)
}

func (w *watcher) say(format string, args ...any) {
	fmt.Fprintf(w.out, format+"\n", args...)
}
