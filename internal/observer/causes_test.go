package observer_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/observer/config"
	"github.com/laban-io/laban/internal/observer/record"
	"github.com/laban-io/laban/internal/testenv"
	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
	"github.com/laban-io/laban/pkg/flow"
)

// situation is one way in which a service that is called like it does not
// answer what it was asked. The flow is called like it, too.
type situation struct {
	name string
	what string // as the guide for operators has it
	// begin makes it, before anything is asked.
	begin func(*testing.T, *stage)
	// without and with are what is found without and with the management API.
	without, with flow.Finding
}

// same is a situation that the management API tells nothing more of.
func same(name, what string, f flow.Finding, begin func(*testing.T, *stage)) situation {
	return situation{name, what, begin, f, f}
}

func certain(c flow.Cause, evidence string) flow.Finding {
	return flow.Finding{Cause: c, Certainty: flow.Certain, Evidence: evidence}
}
func likely(c flow.Cause, evidence string) flow.Finding {
	return flow.Finding{Cause: c, Certainty: flow.Likely, Evidence: evidence}
}
func guess(c flow.Cause, evidence string) flow.Finding {
	return flow.Finding{Cause: c, Certainty: flow.Guess, Evidence: evidence}
}

// native are services on Laban's bus.
func native() []situation {
	handed := func(name string) flow.Finding {
		return guess(flow.Taken, "the queue "+name+" is empty, so the message was delivered; whether it was settled is not known without the broker's management API")
	}
	return []situation{
		same("unrouted", "no queue took the event", certain(flow.Unrouted, "no queue took unrouted.asked"),
			func(*testing.T, *stage) {}),
		{
			"not-bound", "another queue took it; the service's does not ask for it", func(t *testing.T, s *stage) {
				s.handles(t, "not-bound", "another.asked", settles)
				s.queue(t, "audit", "events.route", "not-bound.asked")
			},
			likely(flow.NotBound, "by what not-bound announced, its queue does not ask for not-bound.asked"),
			certain(flow.NotBound, "the queue of not-bound does not ask for not-bound.asked"),
		},
		same("lost", "the service failed, and the copy to be tried again found no queue",
			certain(flow.Lost, "a copy of lost.asked for lost found no queue; it is in the queue of lost messages"),
			func(t *testing.T, s *stage) {
				s.handles(t, "lost", "lost.asked", fails)
				s.broker.DeleteQueue(t, "lost.retry.100ms")
			}),
		same("parked", "the service failed for good", certain(flow.Parked, "parked gave up on parked.asked after 2 attempts: no such card"),
			func(t *testing.T, s *stage) { s.handles(t, "parked", "parked.asked", fails) }),
		same("retrying", "the service failed, and will try again",
			certain(flow.Retrying, "retrying waits for attempt 2 of 2 at retrying.asked after: no such card"),
			func(t *testing.T, s *stage) {
				s.serves(t, bus.Config{Service: "retrying", RetryLevels: []time.Duration{time.Minute}}, "retrying.asked", fails)
			}),
		same("no-consumer", "the service is not running", certain(flow.NoConsumer, "nobody consumes the queue no-consumer; 1 message waits"),
			func(t *testing.T, s *stage) { s.handles(t, "no-consumer", "no-consumer.asked", fails)() }),
		same("backlog", "the service is busy with earlier messages", likely(flow.Backlog, "1 message waits in the queue backlog, which has 1 consumer"),
			func(t *testing.T, s *stage) {
				s.serves(t, bus.Config{Service: "backlog", Concurrency: 1}, "backlog.asked", s.hangs)
				s.ask(t, "backlog", "earlier-1")
				s.ask(t, "backlog", "earlier-2") // which is handed out beforehand
			}),
		{
			"taken", "the service took it and hangs",
			func(t *testing.T, s *stage) { s.handles(t, "taken", "taken.asked", s.hangs) },
			handed("taken"), likely(flow.Taken, "taken has 1 message in hand that it has not settled"),
		},
		{
			"silent", "the service settled it and emitted nothing",
			func(t *testing.T, s *stage) { s.handles(t, "silent", "silent.asked", settles) },
			handed("silent"), likely(flow.Silent, "the queue silent is empty, all that was delivered is settled, and no answer came"),
		},
		same(deadEnd, "by the contract nobody owes anything, and there is no outcome",
			certain(flow.DeadEnd, "the flow has no outcome and by its contract nobody owes it anything"), func(*testing.T, *stage) {}),
	}
}

const deadEnd = "dead-end"

// foreign are services that know nothing of Laban, whose exchange is tapped.
func foreign() []situation {
	return []situation{
		same("unknown", "a tapped system: its queue has another name, and `queues:` does not tell it",
			guess(flow.CauseUnknown, "nothing says which queue is that of unknown, and none is called so; name it in the observer's configuration, under queues"),
			func(t *testing.T, s *stage) { s.queue(t, "some queue", exchange, "unknown.asked") }),
		{
			"foreign-not-bound", "a tapped system: the queue is consumed and does not ask for the event",
			func(t *testing.T, s *stage) {
				s.queue(t, "foreign-not-bound", exchange, "another.asked")
				s.consume(t, "foreign-not-bound")
			},
			guess(flow.Taken, "the queue foreign-not-bound is empty, so the message was delivered or never came to it; whether it was settled is not known without the broker's management API"),
			certain(flow.NotBound, "the queue of foreign-not-bound does not ask for foreign-not-bound.asked"),
		},
		{
			"foreign-stopped", "a tapped system: nobody consumes the queue, which does not ask for the event",
			func(t *testing.T, s *stage) { s.queue(t, "foreign-stopped", exchange, "another.asked") },
			likely(flow.NoConsumer, "nobody consumes the queue foreign-stopped, in which nothing waits: the message was taken before, or never came to it"),
			certain(flow.NotBound, "the queue of foreign-stopped does not ask for foreign-stopped.asked"),
		},
		{
			"exclusive", "a tapped system: it took the event from an exclusive queue, and hangs",
			func(t *testing.T, s *stage) {
				_, err := s.channel.QueueDeclare("exclusive", false, false, true, false, nil)
				require.NoError(t, err)
				require.NoError(t, s.channel.QueueBind("exclusive", "exclusive.asked", exchange, false, nil))
				s.consume(t, "exclusive")
			},
			guess(flow.CauseUnknown, "the queue exclusive can't be looked at without the broker's management API: it is one connection's own, or not this user's"),
			likely(flow.Taken, "exclusive has 1 message in hand that it has not settled"),
		},
	}
}

// TestTheGuideTellsTheCauses compares the guide for operators with what
// TestEachCauseOnRabbitMQ finds.
func TestTheGuideTellsTheCauses(t *testing.T) {
	guide, err := os.ReadFile("../../docs/guides/operate-the-observer.md")
	require.NoError(t, err)
	cell := func(f flow.Finding) string { return fmt.Sprintf("`%v`, %v", f.Cause, f.Certainty) }
	var table strings.Builder
	table.WriteString("| what happened | without the management API | with it |\n|---|---|---|\n")
	for _, s := range append(native(), foreign()...) {
		fmt.Fprintf(&table, "| %s | %s | %s |\n", s.what, cell(s.without), cell(s.with))
	}
	require.Contains(t, string(guide), table.String())
}

// exchange is that of the foreign services.
const exchange = "shop"

// stage is where situations are made.
type stage struct {
	broker  *testenv.Broker
	channel *amqp.Channel
	web     *bus.Bus
	release chan struct{}
}

// causesOf is a contract with a reaction for each situation, of which each
// service owes the answer.
func causesOf(situations []situation) string {
	var asked, answered, reactions []string
	for _, s := range situations {
		asked, answered = append(asked, s.name+".asked"), append(answered, s.name+".answered")
		if s.name == deadEnd {
			continue
		}
		reactions = append(reactions, fmt.Sprintf("  - {service: %s, on: [%s.asked], emits: [%s.answered], within: 3s}\n", s.name, s.name, s.name))
	}
	return fmt.Sprintf("choreography: shop\nstarts: [%s]\noutcomes: {completed: [%s]}\nreactions:\n  - {service: web, emits: [%s]}\n%s",
		strings.Join(asked, ", "), strings.Join(answered, ", "), strings.Join(asked, ", "), strings.Join(reactions, ""))
}

// TestEachCauseOnRabbitMQ makes every cause for real, and compares what is found
// with what the guide for operators promises.
func TestEachCauseOnRabbitMQ(t *testing.T) {
	for name, management := range map[string]bool{"without management": false, "with management": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			all := append(native(), foreign()...)
			s := &stage{broker: testenv.RabbitMQ(t), release: make(chan struct{})}
			s.channel = s.broker.Channel(t)
			require.NoError(t, s.channel.ExchangeDeclare(exchange, "topic", true, false, false, false, nil))
			s.web, _ = service(t, s.broker, "web", nil, nil)
			w := watch(t, s.broker, options{
				management: management, contract: causesOf(all),
				taps: []config.Tap{{Tap: record.Tap{Exchange: exchange, Key: "body:/key"}}},
			})
			w.sees(t)
			for _, c := range all {
				c.begin(t, s)
			}
			t.Cleanup(func() { close(s.release) }) // before the services are stopped
			if management {
				w.counted(t, "taken") // so that what was counted is old when it counts
			}
			for _, c := range native() {
				s.ask(t, c.name, c.name)
			}
			for _, c := range foreign() {
				s.tell(t, c.name)
			}
			want := map[string]flow.Finding{}
			for _, c := range all {
				want[c.name] = c.without
				if management {
					want[c.name] = c.with
				}
			}
			// The management API counts anew every five seconds.
			require.Eventually(t, func() bool { return cmp.Equal(want, w.found(t, all)) }, patience, 50*time.Millisecond,
				"found other than wanted:\n%s", later(func() string { return cmp.Diff(want, w.found(t, all)) }))
			for _, c := range all { // nor was it called what it is not before more was known
				require.Subset(t, []flow.Cause{c.without.Cause, c.with.Cause}, w.saidOf(t, c.name), c.name)
			}
		})
	}
}

// later is a text that is made when it is needed.
type later func() string

func (l later) String() string { return l() }

// found returns what is said of each situation.
func (w *watching) found(t *testing.T, situations []situation) map[string]flow.Finding {
	t.Helper()
	found := map[string]flow.Finding{}
	for _, s := range situations {
		if f, ok := w.flowOf(t, s.name); ok && len(f.Waiting) == 1 {
			found[s.name] = f.Waiting[0].Finding
		}
	}
	return found
}

// counted waits until it is known how many messages of a service's queue are not
// settled.
func (w *watching) counted(t *testing.T, service string) {
	t.Helper()
	require.Eventually(t, func() bool {
		for _, s := range w.Status().Services {
			if s.Name == service {
				return s.Unacked >= 0
			}
		}
		return false
	}, patience, 50*time.Millisecond)
}

// saidOf returns all causes that were told of a flow.
func (w *watching) saidOf(t *testing.T, key string) []flow.Cause {
	t.Helper()
	f, ok := w.flowOf(t, key)
	require.True(t, ok, key)
	d, err := w.ledger.Flow(t.Context(), f.Choreography, f.ID)
	require.NoError(t, err)
	var causes []flow.Cause
	for _, tr := range d.Transitions {
		if tr.Kind == flow.Overdue || tr.Kind == flow.Reasoned {
			causes = append(causes, tr.Finding.Cause)
		}
	}
	return causes
}

// handles runs a service with two attempts.
func (s *stage) handles(t *testing.T, name, eventType string, h reaction) (stop func()) {
	t.Helper()
	return s.serves(t, bus.Config{Service: name, RetryLevels: []time.Duration{100 * time.Millisecond}}, eventType, h)
}

func (s *stage) serves(t *testing.T, cfg bus.Config, eventType string, h reaction) (stop func()) {
	t.Helper()
	b, stop := serve(t, s.broker, cfg, map[string]reaction{eventType: h})
	select {
	case <-b.Consuming():
	case <-time.After(patience):
		require.FailNow(t, "the service does not receive events", cfg.Service)
	}
	return stop
}

// queue declares a queue that nobody consumes.
func (s *stage) queue(t *testing.T, name, exchange, key string) {
	t.Helper()
	s.broker.DeclareQueue(t, name, nil)
	require.NoError(t, s.channel.QueueBind(name, key, exchange, false, nil))
}

// consume consumes a queue and settles nothing.
func (s *stage) consume(t *testing.T, queue string) {
	t.Helper()
	_, err := s.channel.Consume(queue, "", false, false, false, false, nil)
	require.NoError(t, err)
}

// ask begins a flow that waits for a service on Laban's bus.
func (s *stage) ask(t *testing.T, service, key string) {
	t.Helper()
	ctx, _ := s.web.StartFlow(t.Context(), "shop", key)
	require.NoError(t, s.web.Publish(ctx, event.New(service+".asked", nil).WithSubject(key)))
}

// tell begins one that waits for a foreign service.
func (s *stage) tell(t *testing.T, service string) {
	t.Helper()
	require.NoError(t, s.channel.PublishWithContext(t.Context(), exchange, service+".asked", false, false, amqp.Publishing{
		MessageId: service, Body: fmt.Appendf(nil, `{"key": %q}`, service),
	}))
}

func fails(context.Context, *bus.Bus, event.Event) error { return errors.New("no such card") }

func settles(context.Context, *bus.Bus, event.Event) error { return nil }

func (s *stage) hangs(ctx context.Context, _ *bus.Bus, _ event.Event) error {
	select {
	case <-s.release:
	case <-ctx.Done():
	}
	return nil
}
