package source

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/laban-io/laban/internal/observer/mapping"
	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/flow"
)

const (
	lookOften  = 250 * time.Millisecond
	lookSeldom = 5 * time.Second
	// askEvery is how often the management API is asked: it counts anew every
	// five seconds.
	askEvery = 5 * time.Second
	// countedWithin is how old what it tells may be.
	countedWithin = 5 * time.Second
	// askedFor is how long an answer of it is good for.
	askedFor = 15 * time.Second
)

// Look looks at queues by passive declarations, and asks the management API
// beside it.
func (a *AMQP) Look(ctx context.Context, l Looking) error {
	known := &asked{}
	var asking sync.WaitGroup
	defer asking.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if a.management == nil {
		l.Evidence("management", false, "no management: in the configuration, so unacknowledged messages and bindings of services that do not announce themselves can't be seen")
	} else {
		asking.Go(func() { a.ask(ctx, known, l) })
	}
	return a.sessions.Run(ctx, "queues", func(ctx context.Context, conn *amqp.Connection, up func()) error {
		look := &look{conn: conn}
		l.Evidence("queues", true, "ready messages and consumers, by passive declarations")
		up()
		for {
			seen, err := look.all(l.Queues())
			if err != nil {
				l.Evidence("queues", false, err.Error())
				return err
			}
			known.add(seen)
			l.Saw(seen)
			for looked := time.Now(); ; {
				pause(ctx, lookOften)
				if ctx.Err() != nil {
					return nil //nolint:nilerr // the end of ctx is how it ends
				}
				if l.Often() || time.Since(looked) >= lookSeldom {
					break
				}
			}
		}
	})
}

// look is one session of looking.
type look struct {
	conn *amqp.Connection
	ch   *amqp.Channel
}

func (l *look) all(queues []ServiceQueue) ([]flow.QueueSeen, error) {
	seen := make([]flow.QueueSeen, 0, len(queues))
	for _, q := range queues {
		s, err := l.one(q)
		if err != nil {
			return nil, err
		}
		s.Service, s.Queue, s.Assumed = q.Service, q.Queue, q.Assumed
		seen = append(seen, s)
	}
	return seen, nil
}

// one looks at one queue.
func (l *look) one(q ServiceQueue) (flow.QueueSeen, error) {
	if l.ch == nil || l.ch.IsClosed() {
		ch, err := l.conn.Channel()
		if err != nil {
			return flow.QueueSeen{}, fmt.Errorf("open a channel: %w", err)
		}
		l.ch = ch
	}
	state, err := l.ch.QueueDeclarePassive(q.Queue, false, false, false, false, nil)
	var refused *amqp.Error
	switch {
	case err == nil:
		return flow.QueueSeen{Ready: int64(state.Messages), Unacked: -1, Consumers: int64(state.Consumers)}, nil
	case errors.As(err, &refused) && refused.Code == amqp.NotFound:
		return flow.QueueSeen{Missing: true, Unacked: -1}, nil
	case errors.As(err, &refused) && (refused.Code == amqp.ResourceLocked || refused.Code == amqp.AccessRefused):
		return flow.QueueSeen{Hidden: true, Unacked: -1}, nil
	default:
		return flow.QueueSeen{}, fmt.Errorf("%w: look at queue %s: %w", bus.ErrSessionLost, q.Queue, err)
	}
}

// asked is what the management API told.
type asked struct {
	mu       sync.Mutex
	at       time.Time
	queues   map[string]queueInfo
	bindings map[string][]string // only of queues whose bindings are all understood
}

// add completes what was seen.
func (k *asked) add(seen []flow.QueueSeen) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if time.Since(k.at) > askedFor {
		return
	}
	for i := range seen {
		s := &seen[i]
		if s.Missing {
			continue
		}
		if q, ok := k.queues[s.Queue]; ok {
			q.complete(s)
			s.Counted = k.at.Add(-countedWithin)
		}
		s.Bindings, s.BindingsKnown = k.bindings[s.Queue], k.bindings[s.Queue] != nil
	}
}

// ask asks the management API until ctx ends.
func (a *AMQP) ask(ctx context.Context, known *asked, l Looking) {
	defer a.management.close()
	for {
		asked := time.Now()
		queues, err := a.management.queues(ctx)
		var bindings map[string][]string
		if err == nil {
			bindings, err = a.understand(ctx, queues)
		}
		if err == nil {
			known.mu.Lock()
			known.at, known.queues, known.bindings = asked, queues, bindings
			known.mu.Unlock()
			l.Evidence("management", true, "unacknowledged messages, and bindings")
		} else if ctx.Err() == nil {
			l.Evidence("management", false, err.Error())
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(askEvery):
		}
	}
}

// understand returns what event types queues ask for, of those queues whose
// bindings say so: each comes from an exchange that is observed, by a topic, by
// name, or without condition, and events are named by their routing keys.
func (a *AMQP) understand(ctx context.Context, queues map[string]queueInfo) (map[string][]string, error) {
	exchanges, err := a.management.exchanges(ctx)
	if err != nil {
		return nil, err
	}
	all, err := a.management.bindings(ctx)
	if err != nil {
		return nil, err
	}
	types := make(map[string]string, len(exchanges))
	for _, e := range exchanges {
		types[e.Name] = e.Type
	}
	taps := newDecoder(a.cfg.Prefix, a.cfg.Mapping())
	routingKey, err := mapping.ParsePlace("routing-key")
	if err != nil {
		return nil, err
	}
	keys, doubtful := map[string][]string{}, map[string]bool{}
	for _, b := range all {
		if b.DestinationType != "queue" || b.Source == "" {
			continue
		}
		key, ok := b.Key, b.Source == a.names.Route || b.Source == a.names.Events
		if tap := taps.tapOf(b.Source); tap != nil {
			ok = tap.mapping.Type.String() == routingKey.String()
		}
		switch types[b.Source] {
		case "topic", "direct":
		case "fanout":
			key = "#"
		default:
			ok = false
		}
		if !ok {
			doubtful[b.Destination] = true
			continue
		}
		keys[b.Destination] = append(keys[b.Destination], key)
	}
	for queue := range doubtful {
		delete(keys, queue)
	}
	for queue := range queues {
		// A service's queue without any binding asks for nothing. Where other
		// systems are observed, messages may come to it by its name.
		if keys[queue] == nil && !doubtful[queue] && len(a.cfg.Taps) == 0 {
			keys[queue] = []string{}
		}
	}
	return keys, nil
}
