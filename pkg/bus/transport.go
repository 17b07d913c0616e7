package bus

import (
	"context"
	"time"
)

// Transport carries messages between services. Package amqpbus implements it
// on RabbitMQ, package membus in one process; every implementation passes the
// suite in package bustest. All methods are safe for concurrent use.
type Transport interface {
	// Send publishes m and calls done once: with nil when the broker has taken
	// responsibility for it, with an error otherwise (see [ErrUnconfirmed],
	// [ErrBlocked], [ErrClosed], [ErrTooLarge]). Messages of one caller keep
	// their order, also when they are sent again after a lost connection.
	//
	// Send blocks while the window of unconfirmed messages is full. done may
	// run on any goroutine, also before Send returns, and must not block.
	Send(ctx context.Context, m *Message, done func(error))

	// SendToLog puts m into the log only, so that no service receives it, and
	// returns when the broker has confirmed it.
	SendToLog(ctx context.Context, m *Message) error

	// Consume declares what the subscription needs and hands its deliveries
	// to s.Receive until ctx ends, over as many sessions as it takes. Then it
	// lets running handlers finish for s.DrainTimeout, cancels them with cause
	// [ErrStopped], waits for them, and returns nil.
	//
	// It returns an error at once where no retry can help: the topology
	// conflicts with what is declared, or access is refused.
	Consume(ctx context.Context, s Subscription) error

	// Tail reads the log from a position on and calls fn for each record, in
	// order, until ctx ends (it then returns nil) or fn returns an error (it
	// then returns that). A lost connection is resumed after the last record.
	Tail(ctx context.Context, from Position, fn func(LogRecord) error) error

	// Info describes where messages go at this moment.
	Info() *Info

	// Ready returns nil if the broker answers, and why it does not otherwise.
	Ready() error

	// Close waits for outstanding confirms until ctx ends, then disconnects.
	// What is sent later fails with [ErrClosed]. Consume and Tail, where they
	// still run, return ErrClosed; what their handlers had in hand is lost to
	// them ([ErrSessionLost]) and handed out again. Closing twice is fine.
	Close(ctx context.Context) error
}

// Info describes a transport for telemetry and announcements.
type Info struct {
	// System is messaging.system of the OpenTelemetry conventions.
	System string
	// Exchange is where events are published.
	Exchange string
	// Host and Port are the server's; empty where there is none.
	Host string
	Port int
}

// Subscription is a service's queue, what it asks for, and how its messages
// are handled.
type Subscription struct {
	// Queue is the queue's name: the name of the service.
	Queue string
	// Keys are the event types the queue asks for; "*" stands for one word
	// and "#" for any number of them, as in AMQP topics.
	Keys []string
	// Concurrency is how many deliveries are handled at a time.
	Concurrency int
	// RetryLevels are the delays that a retried message can wait.
	RetryLevels []time.Duration
	// DrainTimeout is how long running handlers may go on after the end.
	DrainTimeout time.Duration
	// Receive handles one delivery and settles it before it returns. It is
	// called on up to Concurrency goroutines, never on two at a time for
	// events with the same [event.Event.OrderKey]. Its context ends with cause
	// [ErrSessionLost] when the delivery can't be settled any more, and with
	// [ErrStopped] when draining took too long.
	Receive func(context.Context, *Delivery)
	// OnSession, where set, is called whenever consuming begins (again). It
	// must not block.
	OnSession func()
}

// Position is a place in the log to read from.
type Position struct {
	kind   positionKind
	offset uint64
}

type positionKind int

const (
	fromFirst positionKind = iota
	fromNext
	fromOffset
)

// First is the oldest record that the log still has.
func First() Position { return Position{} }

// Next is the first record that is added from now on.
func Next() Position { return Position{kind: fromNext} }

// Offset is the record with the given offset, or the first one after it.
func Offset(n uint64) Position { return Position{kind: fromOffset, offset: n} }

// Offset returns the offset, and whether p is one.
func (p Position) Offset() (uint64, bool) { return p.offset, p.kind == fromOffset }

// IsNext tells whether p is [Next].
func (p Position) IsNext() bool { return p.kind == fromNext }

// RecordKind tells how a record came into the log.
type RecordKind int

// The kinds of record.
const (
	// RecordEvent is an event as a service published it.
	RecordEvent RecordKind = iota
	// RecordRetry is a copy that waits for another attempt.
	RecordRetry
	// RecordDead is a copy that was parked.
	RecordDead
	// RecordDirect was put into the log only: an announcement or a pulse.
	RecordDirect
	// RecordRedriven is a copy that a person sent again: into the queue of
	// [LogRecord.Service], or to all that ask for it where that is empty. It is no
	// new event.
	RecordRedriven
)

// String returns the kind in lower case.
func (k RecordKind) String() string {
	switch k {
	case RecordEvent:
		return "event"
	case RecordRetry:
		return "retry"
	case RecordDead:
		return "dead"
	case RecordDirect:
		return "direct"
	case RecordRedriven:
		return "redriven"
	default:
		return "unknown"
	}
}

// LogRecord is one record of the log.
type LogRecord struct {
	// Offset is the record's place; offsets only grow.
	Offset uint64
	Kind   RecordKind
	Message
	// Service, Attempt and Error come from retried and dead copies: who failed,
	// [HeaderAttempt], and the error before it. Of a redriven copy Service is
	// whose queue it was sent to.
	Service string
	Attempt int
	Error   string
	// Malformed is why the record could not be read as an event, or nil.
	Malformed error
}
