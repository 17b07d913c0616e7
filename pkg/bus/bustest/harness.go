package bustest

import (
	"testing"
	"time"

	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
)

// Harness tells the suite how to come by brokers of one kind, and what they
// can do.
type Harness struct {
	// New returns a fresh broker that shares nothing with any other, ready for
	// use, and releases it by t.Cleanup.
	New func(t testing.TB) Broker
	// NewPrivate returns a broker that Restart and Block do not disturb others
	// by. Default: New.
	NewPrivate func(t testing.TB) Broker
	// Features is what the brokers can do beyond what every one can.
	Features Features
	// Patience is how long to wait for what must happen. Default: 20 s.
	Patience time.Duration
}

// Features are the abilities that a broker may lack. Where one is false, the
// suite does without the tests that need it.
type Features struct {
	// CutConnections: the broker can end all connections at once.
	CutConnections bool
	// Restart: the broker of NewPrivate can be stopped and started again, and
	// keeps its messages.
	Restart bool
	// Block: the broker of NewPrivate can be made to accept no messages.
	Block bool
	// DeleteQueue: queues can be deleted while they are in use.
	DeleteQueue bool
}

// Broker is what transports connect to: a virtual host of RabbitMQ, or what
// takes its place. All methods fail the test where they can't do what they say.
type Broker interface {
	// Open returns a transport of this broker. The suite closes it; Close may
	// be called twice.
	Open(t testing.TB) bus.Transport

	// PublishRaw publishes m where services publish their events, exactly as
	// it is, as a program without this library could, and returns when the
	// broker has it.
	PublishRaw(t testing.TB, m event.Binary)

	// Parked returns the messages that are parked for a service, oldest first,
	// and leaves them there; none where there is no such queue. Their Headers
	// have the bus.Header… ones.
	Parked(t testing.TB, service string) []bus.Message
	// Unrouted returns the events that no service's queue asked for, oldest
	// first. It may lag behind: the suite asks again.
	Unrouted(t testing.TB) []bus.Message
	// Lost returns the retried and parked copies whose queue was missing,
	// oldest first, and leaves them there.
	Lost(t testing.TB) []bus.Message

	// DeleteQueue deletes a queue of a service with all that is in it, whether
	// or not it is in use. Needs Features.DeleteQueue.
	DeleteQueue(t testing.TB, service string, q Queue)
	// CutConnections ends every connection of every transport, as a network
	// would, and returns when they are gone. Needs Features.CutConnections.
	CutConnections(t testing.TB)
	// Restart stops the broker and starts it again, and returns when it
	// answers. Needs Features.Restart.
	Restart(t testing.TB)
	// Block lets the broker accept no messages, or accept them again. Needs
	// Features.Block.
	Block(t testing.TB, blocked bool)
}

// Queue names one of a service's queues.
type Queue struct {
	kind  queueKind
	level time.Duration
}

type queueKind int

const (
	queueMain queueKind = iota
	queueRetry
	queueParked
)

// MainQueue is the queue that a service consumes.
func MainQueue() Queue { return Queue{kind: queueMain} }

// RetryQueue is the queue in which a service's messages wait for the given
// retry level.
func RetryQueue(level time.Duration) Queue { return Queue{kind: queueRetry, level: level} }

// ParkedQueue is the queue of a service's parked messages.
func ParkedQueue() Queue { return Queue{kind: queueParked} }

// IsParked tells whether q is [ParkedQueue].
func (q Queue) IsParked() bool { return q.kind == queueParked }

// RetryLevel returns the level, and whether q is a [RetryQueue].
func (q Queue) RetryLevel() (time.Duration, bool) { return q.level, q.kind == queueRetry }

func (h *Harness) setDefaults() {
	if h.NewPrivate == nil {
		h.NewPrivate = h.New
	}
	if h.Patience == 0 {
		h.Patience = 20 * time.Second
	}
}
