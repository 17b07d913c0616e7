package bus

import (
	"context"
	"time"

	"github.com/laban-io/laban/pkg/event"
)

// Message is an event on its way: the event, the headers that travel beside
// its attributes, and where it goes.
type Message struct {
	Event event.Event
	// Headers are plain headers, such as traceparent. A nil map is allowed;
	// use [Message.SetHeader] to write.
	Headers map[string]string
	// Exchange and RoutingKey are where the message is or was published; of a
	// delivery for another attempt, where the original was.
	Exchange   string
	RoutingKey string
	// Info describes the transport that carries the message.
	Info *Info
}

// SetHeader sets a plain header.
func (m *Message) SetHeader(name, value string) {
	if m.Headers == nil {
		m.Headers = make(map[string]string, 4)
	}
	m.Headers[name] = value
}

// Names of the headers that a transport adds to retried and parked copies.
// They are scalars, since streams of RabbitMQ 3.10 drop tables and arrays.
const (
	// HeaderAttempt is the number of an attempt, from 1: of a retried copy the
	// attempt that it is for, of a parked copy the last one that was made.
	HeaderAttempt = "laban-attempt"
	// HeaderError is the error of the attempt before.
	HeaderError = "laban-error"
	// HeaderService is the service that failed to process the message.
	HeaderService = "laban-service"
	// HeaderExchange and HeaderRoutingKey are where the original was published.
	HeaderExchange   = "laban-exchange"
	HeaderRoutingKey = "laban-routing-key"
)

// HeaderRedrive marks a message that a person put back into a service's queue,
// most often long after it was parked. Its value is the W3C traceparent of
// whoever redrove it, or any other text where there is no trace. Telemetry
// then starts a new trace, linked with that of the original, instead of one
// with a gap of days (docs/adr/0002-parent-and-link.md). A redriven message
// begins again at attempt 1.
const HeaderRedrive = "laban-redrive"

// Names of the headers that a redriven message has beside [HeaderRedrive], so
// that its copy in the log says all of it (docs/adr/0010-parked-messages.md).
const (
	// HeaderRedriveOf says where it was taken from: "parked", "lost" or
	// "unrouted", and after a space the HeaderRedrive that it had there, if any.
	HeaderRedriveOf = "laban-redrive-of"
	// HeaderRedriveBy and HeaderRedriveReason say who redrove it, and why.
	HeaderRedriveBy     = "laban-redrive-by"
	HeaderRedriveReason = "laban-redrive-reason"
)

// MaxErrorText is how many bytes of an error travel in [HeaderError].
const MaxErrorText = 1024

// Delivery is a message that was received and has to be settled once.
type Delivery struct {
	Message
	// Queue is the queue that the message came from.
	Queue string
	// Attempt is 1 for the first attempt to process the message. It counts
	// attempts that ended in an error, not redeliveries by the broker.
	Attempt int
	// Redelivered tells that the broker handed the message out before, and
	// its receiver vanished before settling it.
	Redelivered bool
	// Tag is the transport's own number of the delivery.
	Tag uint64
	// Received is when the message came, by this process's clock.
	Received time.Time
	// Malformed is why the message could not be read as an event, or nil.
	// Event then holds what could be read.
	Malformed error
	// Settler settles the delivery; set by the transport.
	Settler Settler
}

// Settler carries out a verdict on a delivery.
type Settler interface {
	// Settle returns when the broker has the verdict: a retried or parked copy
	// is confirmed before the original is acknowledged, for which ctx has a
	// deadline. All else is said and not waited for, and ctx has none.
	// [ErrSessionLost] means that the message will come again.
	Settle(ctx context.Context, d *Delivery, v Verdict) error
}

// Action is what becomes of a delivery.
type Action int

// The actions. The zero value is Ack.
const (
	// Ack: the message was processed.
	Ack Action = iota
	// RetryLater: the message comes back to this queue after a delay, one
	// attempt older.
	RetryLater
	// Park: the message is set aside for a person.
	Park
	// Discard: the handler decided that the message is to be forgotten.
	Discard
	// Requeue: processing was cut off; the broker hands the message out again
	// as if nothing had happened.
	Requeue
)

// String returns the action in lower case, as logs and metrics name it.
func (a Action) String() string {
	switch a {
	case Ack:
		return "ack"
	case RetryLater:
		return "retry"
	case Park:
		return "park"
	case Discard:
		return "drop"
	case Requeue:
		return "requeue"
	default:
		return "unknown"
	}
}

// Verdict is what becomes of one delivery, and why.
type Verdict struct {
	Action Action
	// Level is the index into [Subscription.RetryLevels] to wait at, for
	// RetryLater.
	Level int
	// Err is the handler's error; nil for Ack.
	Err error
}

// ErrorText returns v's error as it may travel in a header.
func (v Verdict) ErrorText() string {
	if v.Err == nil {
		return ""
	}
	return clipText(v.Err.Error(), MaxErrorText)
}
