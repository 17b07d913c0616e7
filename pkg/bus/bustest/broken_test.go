package bustest_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/bus/bustest"
	"github.com/laban-io/laban/pkg/event"
	"github.com/laban-io/laban/pkg/membus"
)

// envFault names the fault that a child process puts into its transports.
const envFault = "LABAN_BUSTEST_FAULT"

// TestSound runs the suite on a sound transport, or on one with the fault that
// the environment names.
func TestSound(t *testing.T) {
	h := bustest.Harness{
		New: func(t testing.TB) bustest.Broker {
			return newBroker(t, func(t bus.Transport) bus.Transport { return t })
		},
		Features: bustest.Features{CutConnections: true, Restart: true, Block: true, DeleteQueue: true},
	}
	if name := os.Getenv(envFault); name != "" {
		f := faultNamed(t, name)
		h.New = func(t testing.TB) bustest.Broker { return newBroker(t, f.wrap) }
		h.Patience = time.Second // a broken transport makes the suite wait in vain
	} else if testing.Short() {
		t.Skip("the tests of membus run the same")
	}
	bustest.Run(t, h)
}

// TestBroken proves that the suite tells a broken transport from a sound one:
// for each fault, the test that is there for it fails.
func TestBroken(t *testing.T) {
	if testing.Short() {
		t.Skip("a broken transport makes the suite wait in vain")
	}
	self, err := os.Executable()
	require.NoError(t, err)
	var running sync.WaitGroup
	t.Cleanup(running.Wait)
	atATime := make(chan struct{}, 16) // they mostly wait in vain, so more than there are processors
	for _, f := range faults() {
		for _, test := range f.caughtBy {
			result := make(chan child, 1)
			running.Go(func() {
				atATime <- struct{}{}
				defer func() { <-atATime }()
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				cmd := exec.CommandContext(ctx, self, "-test.run=^TestSound$/^"+test+"$", "-test.v")
				cmd.Env = append(os.Environ(), envFault+"="+f.name)
				out, err := cmd.CombinedOutput()
				result <- child{string(out), err}
			})
			t.Run(f.name+"/"+test, func(t *testing.T) {
				t.Parallel()
				r := <-result
				var exit *exec.ExitError
				require.ErrorAs(t, r.err, &exit, "a transport with this fault passes %s:\n%s", test, r.out)
				require.Contains(t, r.out, "--- FAIL: TestSound/"+test, "it fails for another reason")
			})
		}
	}
}

// child is how a process with a fault ended.
type child struct {
	out string
	err error
}

func faultNamed(t *testing.T, name string) fault {
	for _, f := range faults() {
		if f.name == name {
			return f
		}
	}
	require.FailNow(t, "there is no fault "+name)
	panic("unreachable")
}

// fault is one way in which a transport can be wrong.
type fault struct {
	name     string
	wrap     func(bus.Transport) bus.Transport
	caughtBy []string
}

// faulty is a transport some of whose methods are replaced.
type faulty struct {
	bus.Transport
	send      func(ctx context.Context, m *bus.Message, done func(error))
	sendToLog func(ctx context.Context, m *bus.Message) error
	consume   func(ctx context.Context, s bus.Subscription) error
	tail      func(ctx context.Context, from bus.Position, fn func(bus.LogRecord) error) error
	ready     func() error
	close     func(ctx context.Context) error
}

func (f *faulty) Send(ctx context.Context, m *bus.Message, done func(error)) {
	if f.send != nil {
		f.send(ctx, m, done)
		return
	}
	f.Transport.Send(ctx, m, done)
}

func (f *faulty) SendToLog(ctx context.Context, m *bus.Message) error {
	if f.sendToLog != nil {
		return f.sendToLog(ctx, m)
	}
	return f.Transport.SendToLog(ctx, m)
}

func (f *faulty) Consume(ctx context.Context, s bus.Subscription) error {
	if f.consume != nil {
		return f.consume(ctx, s)
	}
	return f.Transport.Consume(ctx, s)
}

func (f *faulty) Tail(ctx context.Context, from bus.Position, fn func(bus.LogRecord) error) error {
	if f.tail != nil {
		return f.tail(ctx, from, fn)
	}
	return f.Transport.Tail(ctx, from, fn)
}

func (f *faulty) Ready() error {
	if f.ready != nil {
		return f.ready()
	}
	return f.Transport.Ready()
}

func (f *faulty) Close(ctx context.Context) error {
	if f.close != nil {
		return f.close(ctx)
	}
	return f.Transport.Close(ctx)
}

// sent returns a fault in how messages are sent: change may alter each, and
// tells how often it is sent.
func sent(change func(m *bus.Message) (times int)) func(bus.Transport) bus.Transport {
	return func(t bus.Transport) bus.Transport {
		return &faulty{Transport: t, send: func(ctx context.Context, m *bus.Message, done func(error)) {
			c := *m
			c.Event = m.Event.Clone()
			n := change(&c)
			if n == 0 {
				done(nil)
				return
			}
			for range n - 1 {
				t.Send(ctx, &c, func(error) {})
			}
			t.Send(ctx, &c, done)
		}}
	}
}

// subscribed returns a fault in how a subscription is carried out.
func subscribed(change func(s *bus.Subscription)) func(bus.Transport) bus.Transport {
	return func(t bus.Transport) bus.Transport {
		return &faulty{Transport: t, consume: func(ctx context.Context, s bus.Subscription) error {
			change(&s)
			return t.Consume(ctx, s)
		}}
	}
}

// delivered returns a fault in what a delivery says.
func delivered(change func(d *bus.Delivery)) func(bus.Transport) bus.Transport {
	return subscribed(func(s *bus.Subscription) {
		receive := s.Receive
		s.Receive = func(ctx context.Context, d *bus.Delivery) {
			change(d)
			receive(ctx, d)
		}
	})
}

// settled returns a fault in how a verdict is carried out.
func settled(change func(d *bus.Delivery, v bus.Verdict) bus.Verdict) func(bus.Transport) bus.Transport {
	return delivered(func(d *bus.Delivery) { d.Settler = settler{d.Settler, change} })
}

type settler struct {
	bus.Settler
	change func(*bus.Delivery, bus.Verdict) bus.Verdict
}

func (s settler) Settle(ctx context.Context, d *bus.Delivery, v bus.Verdict) error {
	return s.Settler.Settle(ctx, d, s.change(d, v))
}

// instead replaces one action by another.
func instead(of, by bus.Action) func(bus.Transport) bus.Transport {
	return settled(func(_ *bus.Delivery, v bus.Verdict) bus.Verdict {
		if v.Action == of {
			v.Action = by
		}
		return v
	})
}

// read returns a fault in what the log's records say.
func read(change func(r *bus.LogRecord)) func(bus.Transport) bus.Transport {
	return func(t bus.Transport) bus.Transport {
		return &faulty{Transport: t, tail: func(ctx context.Context, from bus.Position, fn func(bus.LogRecord) error) error {
			return t.Tail(ctx, from, func(r bus.LogRecord) error {
				change(&r)
				return fn(r)
			})
		}}
	}
}

// readFrom returns a fault in where reading the log begins.
func readFrom(change func(bus.Position) bus.Position) func(bus.Transport) bus.Transport {
	return func(t bus.Transport) bus.Transport {
		return &faulty{Transport: t, tail: func(ctx context.Context, from bus.Position, fn func(bus.LogRecord) error) error {
			return t.Tail(ctx, change(from), fn)
		}}
	}
}

// every returns a function that is true each n-th time.
func every(n int) func() bool {
	calls := make(chan int, 1)
	calls <- 0
	return func() bool {
		c := <-calls + 1
		calls <- c
		return c%n == 0
	}
}

// faults are what a transport can get wrong, and the tests that say so.
func faults() []fault {
	return []fault{
		{"loses messages", sent(func() func(*bus.Message) int {
			now := every(20)
			return func(*bus.Message) int {
				if now() {
					return 0
				}
				return 1
			}
		}()), []string{"ConcurrentPublishers", "Order", "Pipelining", "FanOut", "CutUnderLoad", "RestartUnderLoad", "DeletedRetryQueue"}},
		{"sends twice", sent(func(*bus.Message) int { return 2 }), []string{"SeveralTypes", "FanOut", "Competing", "Pipelining"}},
		{"loses an extension", sent(func(m *bus.Message) int { delete(m.Event.Extensions, "empty"); return 1 }), []string{"Envelope", "LogKinds", "Exhausted"}},
		{"loses nanoseconds", sent(func(m *bus.Message) int { m.Event.Time = m.Event.Time.Truncate(time.Microsecond); return 1 }), []string{"Envelope"}},
		{"loses the trigger time", sent(func(m *bus.Message) int { m.Event.TriggerTime = time.Time{}; return 1 }), []string{"Envelope", "Flow"}},
		{"loses the schema", sent(func(m *bus.Message) int { m.Event.DataSchema = ""; return 1 }), []string{"Envelope"}},
		{"loses headers", sent(func(m *bus.Message) int { m.Headers = nil; return 1 }), []string{"Envelope", "RetryLevels", "Exhausted", "LogKinds", "Unrouted", "Relay"}},
		{"adds headers", sent(func(m *bus.Message) int { m.SetHeader("x", "y"); return 1 }), []string{"SparseEvent"}},
		{"cuts large data", sent(func(m *bus.Message) int { m.Event.Data = m.Event.Data[:min(len(m.Event.Data), 100_000)]; return 1 }), []string{"Data"}},
		{"knows one type", sent(func(m *bus.Message) int { m.RoutingKey = "order.placed"; return 1 }), []string{"SeveralTypes", "Patterns", "Unrouted"}},
		{"answers twice", func(t bus.Transport) bus.Transport {
			return &faulty{Transport: t, send: func(ctx context.Context, m *bus.Message, done func(error)) {
				t.Send(ctx, m, func(err error) { done(err); done(err) })
			}}
		}, []string{"DoneOnce"}},
		{"never answers for some", func(t bus.Transport) bus.Transport {
			now := every(50)
			return &faulty{Transport: t, send: func(ctx context.Context, m *bus.Message, done func(error)) {
				t.Send(ctx, m, func(err error) {
					if !now() {
						done(err)
					}
				})
			}}
		}, []string{"DoneOnce", "Pipelining"}},
		{"says yes to everything", func(t bus.Transport) bus.Transport {
			return &faulty{
				Transport: t,
				send: func(ctx context.Context, m *bus.Message, done func(error)) {
					t.Send(ctx, m, func(error) { done(nil) })
				},
				sendToLog: func(ctx context.Context, m *bus.Message) error { _ = t.SendToLog(ctx, m); return nil },
				ready:     func() error { return nil },
			}
		}, []string{"Refused", "DoneOnce", "EndedContext", "Close", "Blocked", "CloseBlocked", "Ready"}},
		{"loses order", func(t bus.Transport) bus.Transport {
			held := make(chan func(), 1)
			return &faulty{Transport: t, send: func(ctx context.Context, m *bus.Message, done func(error)) {
				c := *m
				c.Event = m.Event.Clone()
				select {
				case earlier := <-held: // the later one goes first
					t.Send(ctx, &c, done)
					earlier()
				default:
					// Held back until another comes, or nobody seems to.
					send := func() { t.Send(ctx, &c, done) }
					held <- send
					time.AfterFunc(50*time.Millisecond, func() {
						select {
						case h := <-held:
							h()
						default:
						}
					})
				}
			}}
		}, []string{"Pipelining", "OrderByFlow"}},
		{"ignores deadlines", func(t bus.Transport) bus.Transport {
			return &faulty{Transport: t, send: func(ctx context.Context, m *bus.Message, done func(error)) {
				t.Send(context.WithoutCancel(ctx), m, done)
			}}
		}, []string{"EndedContext", "Blocked"}},

		{"forgets patterns", subscribed(func(s *bus.Subscription) {
			for i, key := range s.Keys {
				if key == "order.#" {
					s.Keys[i] = "order.*"
				}
			}
		}), []string{"Patterns"}},
		{"shares no queue", func() func(bus.Transport) bus.Transport {
			names := make(chan string, 4)
			for _, name := range []string{"payment", "payment-2", "payment-3", "payment-4"} {
				names <- name
			}
			return subscribed(func(s *bus.Subscription) { s.Queue = <-names })
		}(), []string{"Competing", "Away", "HardStop"}},
		{"one at a time", subscribed(func(s *bus.Subscription) { s.Concurrency = 1 }), []string{"Concurrency", "SlowKey"}},
		{"too many at a time", subscribed(func(s *bus.Subscription) { s.Concurrency += 3 }), []string{"Concurrency"}},
		{"handles a key twice at a time", subscribed(func(s *bus.Subscription) {
			receive := s.Receive
			s.Receive = func(ctx context.Context, d *bus.Delivery) {
				c := *d
				ended := make(chan struct{})
				go func() {
					defer close(ended)
					receive(ctx, &c)
				}()
				select {
				case <-ended:
				case <-time.After(time.Microsecond):
				}
			}
		}), []string{"Order", "OrderByFlow"}},
		{"counts no attempts", delivered(func(d *bus.Delivery) { d.Attempt = 1 }), []string{"RetryLevels"}},
		{"counts redeliveries as attempts", delivered(func(d *bus.Delivery) {
			if d.Redelivered {
				d.Attempt++
			}
		}), []string{"HardStop", "CloseConsuming", "Redelivery"}},
		{"marks no redelivery", delivered(func(d *bus.Delivery) { d.Redelivered = false }), []string{"HardStop", "CloseConsuming", "Redelivery"}},
		{"forgets where the original was", delivered(func(d *bus.Delivery) {
			if d.Attempt > 1 {
				d.Exchange, d.RoutingKey = "", d.Queue
			}
		}), []string{"RetryLevels"}},
		{"hides what is malformed", delivered(func(d *bus.Delivery) { d.Malformed = nil }), []string{"Poison"}},
		{"knows one level", subscribed(func(s *bus.Subscription) {
			for i := range s.RetryLevels {
				s.RetryLevels[i] = s.RetryLevels[0]
			}
		}), []string{"RetryLevels", "RetryDelay", "RetryShortBehindLong"}},
		{"retries at once", instead(bus.RetryLater, bus.Requeue), []string{"RetryLevels", "RetryHoldsUpNothing", "LogKinds"}},
		{"retries through the exchange", func(t bus.Transport) bus.Transport {
			return delivered(func(d *bus.Delivery) {
				d.Settler = settler{d.Settler, func(d *bus.Delivery, v bus.Verdict) bus.Verdict {
					if v.Action == bus.RetryLater {
						m := d.Message
						t.Send(context.Background(), &m, func(error) {})
						v.Action = bus.Ack
					}
					return v
				}}
			})(t)
		}, []string{"RetryReachesOneQueue", "RetryLevels"}},
		{"forgets retries", instead(bus.RetryLater, bus.Ack), []string{"RetryLevels", "Exhausted", "Timeout", "Panic", "CutUnderLoad"}},
		{"forgets parked ones", instead(bus.Park, bus.Ack), []string{"Exhausted", "Permanent", "Poison", "LeftOverBinding", "CutUnderLoad", "DeletedParkedQueue"}},
		{"parks what is dropped", instead(bus.Discard, bus.Park), []string{"Drop"}},
		{"retries what is parked", instead(bus.Park, bus.RetryLater), []string{"Permanent"}},
		{"acknowledges what was cut off", instead(bus.Requeue, bus.Ack), []string{"HardStop"}},
		{"forgets the error", settled(func(_ *bus.Delivery, v bus.Verdict) bus.Verdict { v.Err = nil; return v }), []string{"Exhausted", "LogKinds", "Panic", "Timeout"}},
		{"acknowledges first", subscribed(func(s *bus.Subscription) {
			receive := s.Receive
			s.Receive = func(ctx context.Context, d *bus.Delivery) {
				_ = d.Settler.Settle(ctx, d, bus.Verdict{})
				receive(ctx, d)
			}
		}), []string{"HardStop", "CloseConsuming", "Redelivery", "StaleSettlement", "RetryLevels"}},
		{"drains for ever", subscribed(func(s *bus.Subscription) { s.DrainTimeout = time.Hour }), []string{"HardStop"}},
		{"does not drain", subscribed(func(s *bus.Subscription) { s.DrainTimeout = 0 }), []string{"Drain"}},
		{"leaves contexts open", subscribed(func(s *bus.Subscription) {
			receive := s.Receive
			s.Receive = func(ctx context.Context, d *bus.Delivery) {
				ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
				defer cancel()
				receive(ctx, d)
			}
		}), []string{"HardStop", "CloseConsuming", "Redelivery"}},
		{"says that it consumes once", subscribed(func(s *bus.Subscription) {
			say, said := s.OnSession, false
			s.OnSession = func() {
				if !said {
					say()
				}
				said = true
			}
		}), []string{"AnnouncedAgain"}},
		{"gives up after a lost session", func(t bus.Transport) bus.Transport {
			return &faulty{Transport: t, consume: func(ctx context.Context, s bus.Subscription) error {
				say, sessions := s.OnSession, 0
				ctx, cancel := context.WithCancel(ctx)
				defer cancel()
				s.OnSession = func() {
					if sessions++; sessions > 1 {
						cancel()
					}
					say()
				}
				return t.Consume(ctx, s)
			}}
		}, []string{"CutUnderLoad", "RestartUnderLoad", "Redelivery", "DeletedQueue"}},

		{"publishes what is for the log", func(t bus.Transport) bus.Transport {
			return &faulty{Transport: t, sendToLog: func(ctx context.Context, m *bus.Message) error {
				done := make(chan error, 1)
				t.Send(ctx, m, func(err error) { done <- err })
				return <-done
			}}
		}, []string{"LogDirect", "Announcement"}},
		{"forgets what is for the log", func(t bus.Transport) bus.Transport {
			return &faulty{Transport: t, sendToLog: func(context.Context, *bus.Message) error { return nil }}
		}, []string{"LogDirect", "Announcement", "AnnouncementOfPublisher", "AnnouncedAgain"}},
		{"knows one kind of record", read(func(r *bus.LogRecord) { r.Kind = bus.RecordEvent }), []string{"LogKinds", "LogDirect"}},
		{"tells no errors in the log", read(func(r *bus.LogRecord) { r.Error = "" }), []string{"LogKinds"}},
		{"tells no attempts in the log", read(func(r *bus.LogRecord) { r.Attempt = 0 }), []string{"LogKinds"}},
		{"tells no service in the log", read(func(r *bus.LogRecord) { r.Service = "" }), []string{"LogKinds"}},
		{"hides malformed records", read(func(r *bus.LogRecord) { r.Malformed = nil }), []string{"LogMalformed"}},
		{"has one offset", read(func(r *bus.LogRecord) { r.Offset = 7 }), []string{"LogPositions"}},
		{"reads from the next", readFrom(func(bus.Position) bus.Position { return bus.Next() }), []string{"LogPositions", "LogKinds"}},
		{"reads from the first", readFrom(func(bus.Position) bus.Position { return bus.First() }), []string{"LogPositions"}},
		{"reads after the offset", readFrom(func(p bus.Position) bus.Position {
			if n, ok := p.Offset(); ok {
				return bus.Offset(n + 1)
			}
			return p
		}), []string{"LogPositions"}},
		{"forgets records after a cut", func(t bus.Transport) bus.Transport {
			now := every(60)
			return &faulty{Transport: t, tail: func(ctx context.Context, from bus.Position, fn func(bus.LogRecord) error) error {
				return t.Tail(ctx, from, func(r bus.LogRecord) error {
					if now() {
						return nil
					}
					return fn(r)
				})
			}}
		}, []string{"LogResumes", "LogReaders"}},
		{"hides a reader's error", func(t bus.Transport) bus.Transport {
			return &faulty{Transport: t, tail: func(ctx context.Context, from bus.Position, fn func(bus.LogRecord) error) error {
				if err := t.Tail(ctx, from, fn); errors.Is(err, bus.ErrClosed) {
					return err
				}
				return nil
			}}
		}, []string{"LogReaders"}},
		{"does not close", func(t bus.Transport) bus.Transport {
			return &faulty{Transport: t, close: func(context.Context) error { return nil }}
		}, []string{"Close", "CloseConsuming", "CloseBlocked", "Ready"}},
		{"mixes up its clients' memory", func() func(bus.Transport) bus.Transport {
			return delivered(func(d *bus.Delivery) {
				if d.Attempt > 1 {
					clear(d.Event.Data)
				}
			})
		}(), []string{"Isolation", "RetryLevels"}},
	}
}

// broker puts membus to the suite, with each transport wrapped.
type broker struct {
	*membus.Broker
	wrap func(bus.Transport) bus.Transport
}

func newBroker(t testing.TB, wrap func(bus.Transport) bus.Transport) bustest.Broker {
	b := membus.New(membus.Config{})
	t.Cleanup(b.Close)
	return broker{b, wrap}
}

func (b broker) Open(testing.TB) bus.Transport { return b.wrap(b.Connect()) }

func (b broker) PublishRaw(t testing.TB, m event.Binary) {
	require.NoError(t, b.Connect().SendRaw(context.Background(), m))
}

func (b broker) Parked(_ testing.TB, service string) []bus.Message { return b.Broker.Parked(service) }
func (b broker) Unrouted(testing.TB) []bus.Message                 { return b.Broker.Unrouted() }
func (b broker) Lost(testing.TB) []bus.Message                     { return b.Broker.Lost() }

func (b broker) DeleteQueue(_ testing.TB, service string, q bustest.Queue) {
	if level, ok := q.RetryLevel(); ok {
		b.DeleteRetryQueue(service, level)
	} else if q.IsParked() {
		b.DeleteParkedQueue(service)
	} else {
		b.Broker.DeleteQueue(service)
	}
}

func (b broker) CutConnections(testing.TB)        { b.Broker.CutConnections() }
func (b broker) Block(_ testing.TB, blocked bool) { b.SetBlocked(blocked) }
func (b broker) Restart(testing.TB)               { b.SetReachable(false); b.SetReachable(true) }
