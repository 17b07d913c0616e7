package outbox

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/laban-io/laban/pkg/event"
)

// Config adjusts an [Outbox]. The zero value is a good one.
type Config struct {
	// Consumer is the name under which the inbox remembers events. Default: the
	// name of the service.
	Consumer string

	// Window is how many rows the relay holds at a time, from reading them to
	// deleting them. Default: 256.
	Window int
	// WindowBytes bounds the event data of those rows; a row larger than all of
	// it travels alone. Default: 16 MiB.
	WindowBytes int
	// PollInterval is how often the relay looks for rows that nobody told it of.
	// Default: 1 s.
	PollInterval time.Duration
	// PublishTimeout bounds one attempt to publish a row. Default: 10 s.
	PublishTimeout time.Duration
	// Lease is how long the rows that a relay holds remain its own without a
	// sign of life, and so how long they wait after it has crashed. Default: 3 s,
	// with which, and a poll, they still meet a deadline of 5 s.
	Lease time.Duration
	// MinBackoff and MaxBackoff bound the exponential delay between attempts.
	// Default: 100 ms and 30 s.
	MinBackoff, MaxBackoff time.Duration
	// MaxAttempts is how often a row is tried that the broker refuses or leaves
	// unanswered, before it is set aside as failed. A broker that can't be
	// reached does not count. Default: 100, which takes about 45 minutes.
	MaxAttempts int
	// DrainTimeout is how long [Outbox.Run] goes on publishing after its context
	// has ended. Default: 10 s.
	DrainTimeout time.Duration

	// KeepPublished keeps rows that were published for this long, for people
	// to look at. Default: 0, which deletes a row as soon as it is confirmed.
	KeepPublished time.Duration
	// KeepInbox is how long the inbox remembers an event; a duplicate that comes
	// later is taken for new. Default: 7 days.
	KeepInbox time.Duration
	// CleanupInterval is how often Run removes what is older. Default: 10 min.
	CleanupInterval time.Duration

	// TxAttempts is how often [Outbox.Transact] runs a transaction that conflicts
	// with others. Default: 5.
	TxAttempts int
	// Isolation is the isolation level of transactions on PostgreSQL. Default:
	// the database's own, which is read committed. SQLite's transactions are
	// always serializable.
	Isolation sql.IsolationLevel

	// OnDuplicate, where set, is called for each event that the inbox has seen
	// before. It must not block.
	OnDuplicate func(ctx context.Context, e event.Event)
	// OnFailed, where set, is called for each row that is set aside. It must not
	// block.
	OnFailed func(ctx context.Context, f FailedRow)
	// Logger takes what nobody else can be told. Default: slog.Default().
	Logger *slog.Logger
}

func (c *Config) setDefaults(service string) {
	setDefault(&c.Consumer, service)
	setDefault(&c.Window, 256)
	setDefault(&c.WindowBytes, 16<<20)
	setDefault(&c.PollInterval, time.Second)
	setDefault(&c.PublishTimeout, 10*time.Second)
	setDefault(&c.Lease, 3*time.Second)
	setDefault(&c.MinBackoff, 100*time.Millisecond)
	setDefault(&c.MaxBackoff, 30*time.Second)
	setDefault(&c.MaxAttempts, 100)
	setDefault(&c.DrainTimeout, 10*time.Second)
	setDefault(&c.KeepInbox, 7*24*time.Hour)
	setDefault(&c.CleanupInterval, 10*time.Minute)
	setDefault(&c.TxAttempts, 5)
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

func (c *Config) validate() error {
	var errs []error
	for _, n := range [...]struct {
		name  string
		value int
	}{{"Window", c.Window}, {"WindowBytes", c.WindowBytes}, {"MaxAttempts", c.MaxAttempts}, {"TxAttempts", c.TxAttempts}} {
		if n.value < 1 {
			errs = append(errs, fmt.Errorf("%s is %d, must be at least 1", n.name, n.value))
		}
	}
	for _, d := range [...]struct {
		name  string
		value time.Duration
	}{
		{"PollInterval", c.PollInterval}, {"PublishTimeout", c.PublishTimeout}, {"Lease", c.Lease},
		{"MinBackoff", c.MinBackoff}, {"MaxBackoff", c.MaxBackoff}, {"DrainTimeout", c.DrainTimeout},
		{"KeepInbox", c.KeepInbox}, {"CleanupInterval", c.CleanupInterval},
	} {
		if d.value < time.Millisecond {
			errs = append(errs, fmt.Errorf("%s is %v, must be at least 1ms", d.name, d.value))
		}
	}
	if c.KeepPublished < 0 {
		errs = append(errs, fmt.Errorf("KeepPublished is %v, must not be negative", c.KeepPublished))
	}
	if c.MinBackoff > c.MaxBackoff {
		errs = append(errs, fmt.Errorf("MinBackoff %v is greater than MaxBackoff %v", c.MinBackoff, c.MaxBackoff))
	}
	return errors.Join(errs...)
}
