package amqpbus

import (
	"context"
	"strings"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/laban-io/laban/pkg/bus"
)

// Sessions keeps connections to a broker for a program that speaks AMQP itself,
// such as an observer of other systems' exchanges: several URLs, TLS, back-off,
// deadlines and errors are those of a [Transport]. It declares nothing.
type Sessions struct{ t *Transport }

// NewSessions checks cfg and connects to nothing yet. down, where set, is called
// whenever a session has ended or could not begin, with its role and why.
func NewSessions(cfg Config, down func(role string, err error)) (*Sessions, error) {
	cfg.setDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	t := &Transport{cfg: cfg, names: namesFor(cfg.Prefix), down: down}
	t.setServer(cfg.URLs[0])
	return &Sessions{t}, nil
}

// Run calls run with one fresh connection after the other until ctx ends, and
// then returns nil. It returns an error where no retry can help. run returns
// when its connection is lost, with why; it must call up once it works. The
// connection is closed when ctx ends. role tells it from others of this client
// in RabbitMQ's list.
func (s *Sessions) Run(ctx context.Context, role string, run func(ctx context.Context, conn *amqp.Connection, up func()) error) error {
	return s.t.supervise(ctx, role, func(ctx context.Context, conn *connection, up func()) error {
		// What waits for the broker's answer must not outlast ctx.
		defer context.AfterFunc(ctx, conn.hangUp)()
		return run(ctx, conn.Connection, up)
	})
}

// Once connects to the first URL that answers, calls run, and hangs up.
func (s *Sessions) Once(ctx context.Context, role string, run func(ctx context.Context, conn *amqp.Connection) error) error {
	var conn *connection
	var err error
	for _, url := range s.t.cfg.URLs {
		if conn, err = s.t.dial(ctx, url, role); err == nil {
			break
		}
	}
	if err != nil {
		return err
	}
	defer conn.hangUp()
	defer context.AfterFunc(ctx, conn.hangUp)()
	return run(ctx, conn.Connection)
}

// Ready returns nil if every session works, and why one does not otherwise.
func (s *Sessions) Ready() error { return s.t.roles.ready() }

// DeclareLog declares the streams and the queue in which events end that this
// transport's services publish, as each of them does. What is there already
// with another retention stays as it is.
func (s *Sessions) DeclareLog(conn *amqp.Connection, stream string) error {
	d := declarer{t: s.t, conn: &connection{Connection: conn}}
	d.stream(stream)
	return d.close()
}

// Explain returns a [ConflictError] or an [AccessError] where err is one. kind is
// "queue" or "exchange", name its name.
func Explain(err error, kind, name string) error { return explain(err, kind, name) }

// ReadRecord reads a delivery of a log as [Transport.Tail] does, for services
// whose exchanges have this prefix. native is false for a message that came by
// none of them, so that only its properties say what it is.
func ReadRecord(prefix string, d *amqp.Delivery) (r bus.LogRecord, native bool) {
	// The names are not put together for each record.
	name, ours := strings.CutPrefix(d.Exchange, prefix)
	var kind bus.RecordKind
	switch {
	case d.Exchange == "":
		kind = bus.RecordDirect
	case ours && name == "":
		kind = bus.RecordEvent
	case ours && name == ".retry":
		kind = bus.RecordRetry
	case ours && name == ".dead":
		kind = bus.RecordDead
	default:
		return bus.LogRecord{Offset: Offset(d)}, false
	}
	return recordOf(kind, d, Offset(d)), true
}

// Offset is a delivery's place in the stream that it came from.
func Offset(d *amqp.Delivery) uint64 {
	return uint64(max(number(d.Headers, "x-stream-offset"), 0))
}

// EncodeEvent returns an event as AMQP carries it.
func EncodeEvent(m *bus.Message) (amqp.Publishing, error) { return encode(m) }

// Exchanges are the names that services with a prefix publish to and declare.
type Exchanges struct {
	Events, Retry, Dead    string
	Route                  string
	Log, Unrouted, LostBox string
}

// ExchangesOf returns the names for a prefix.
func ExchangesOf(prefix string) Exchanges {
	n := namesFor(prefix)
	return Exchanges{Events: n.events, Retry: n.retry, Dead: n.dead, Route: n.route, Log: n.log, Unrouted: n.unrouted, LostBox: n.lost}
}
