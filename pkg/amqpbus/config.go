package amqpbus

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Config says where the broker is and how to talk to it. Only URLs is required.
type Config struct {
	// URLs of the cluster's nodes, amqp:// or amqps://. They are tried in turn.
	URLs []string
	// TLS is used for amqps:// URLs; see [LoadTLS]. Default: the system's
	// certificate authorities.
	TLS *tls.Config
	// Name of this client in RabbitMQ's own list of connections. Default:
	// "laban".
	Name string

	// Prefix of the names of exchanges and streams. Default: "events".
	Prefix string
	// LogMaxAge and LogMaxBytes bound the log and the stream of unrouted
	// messages; the broker drops the oldest segments beyond either. Default:
	// 7 days and 20 GB. They apply when the stream is first declared; later
	// changes take a policy.
	LogMaxAge   time.Duration
	LogMaxBytes int64
	// DeliveryLimit is how often the broker hands out a message whose receiver
	// vanishes or rejects it, before it is parked. Default: 20.
	DeliveryLimit int

	// Window is how many messages may wait for their confirm. Default: 1024.
	Window int
	// PublishTimeout is how long a message may take to be confirmed, over
	// reconnects and repeated attempts, unless its context ends earlier.
	// Default: 10 s.
	PublishTimeout time.Duration
	// Prefetch is how many deliveries a consumer holds. Default: twice the
	// subscription's concurrency.
	Prefetch int

	// ConnectTimeout bounds one attempt to connect, TLS and login included.
	// Default: 10 s.
	ConnectTimeout time.Duration
	// WriteTimeout bounds one write to the socket. Default: 5 s.
	WriteTimeout time.Duration
	// Heartbeat is the interval of keep-alive frames; a peer that is silent for
	// two of them is gone. Default: 10 s.
	Heartbeat time.Duration
	// MinBackoff and MaxBackoff bound the wait between attempts to connect,
	// which doubles, with jitter, and never gives up. Default: 100 ms, 5 s, so that
	// a service is back at most 7.5 s after its broker is.
	MinBackoff time.Duration
	MaxBackoff time.Duration

	// Logger is told of sessions that come and go. Default: slog.Default().
	Logger *slog.Logger

	// setupTimeout is how long a session may take from its login until it works.
	setupTimeout time.Duration
}

func (c *Config) setDefaults() {
	setDefault(&c.Name, "laban")
	setDefault(&c.Prefix, "events")
	setDefault(&c.LogMaxAge, 7*24*time.Hour)
	setDefault(&c.LogMaxBytes, 20_000_000_000)
	setDefault(&c.DeliveryLimit, 20)
	setDefault(&c.Window, 1024)
	setDefault(&c.PublishTimeout, 10*time.Second)
	setDefault(&c.ConnectTimeout, 10*time.Second)
	setDefault(&c.WriteTimeout, 5*time.Second)
	setDefault(&c.Heartbeat, 10*time.Second)
	setDefault(&c.setupTimeout, time.Minute)
	if c.MaxBackoff > 0 {
		setDefault(&c.MinBackoff, min(100*time.Millisecond, c.MaxBackoff))
	}
	setDefault(&c.MinBackoff, 100*time.Millisecond)
	setDefault(&c.MaxBackoff, 5*time.Second)
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
	if len(c.URLs) == 0 {
		errs = append(errs, errors.New("URLs is empty; give at least one, such as amqp://guest:guest@localhost:5672/"))
	}
	for _, text := range c.URLs {
		if _, err := amqp.ParseURI(text); err != nil {
			errs = append(errs, fmt.Errorf("URL %s: %w", Redact(text), unreadable(err)))
		}
	}
	if len(c.Prefix) > 100 {
		errs = append(errs, fmt.Errorf("prefix has %d bytes, at most 100 are allowed", len(c.Prefix)))
	}
	for name, v := range map[string]int64{
		"LogMaxAge": int64(c.LogMaxAge), "LogMaxBytes": c.LogMaxBytes, "DeliveryLimit": int64(c.DeliveryLimit),
		"Window": int64(c.Window), "PublishTimeout": int64(c.PublishTimeout), "ConnectTimeout": int64(c.ConnectTimeout),
		"WriteTimeout": int64(c.WriteTimeout), "Heartbeat": int64(c.Heartbeat), "MinBackoff": int64(c.MinBackoff),
	} {
		if v < 0 {
			errs = append(errs, fmt.Errorf("%s is negative", name))
		}
	}
	if c.Prefetch < 0 || c.Prefetch > 65535 {
		errs = append(errs, fmt.Errorf("prefetch is %d, must be 0 to 65535", c.Prefetch))
	}
	if c.MaxBackoff < c.MinBackoff {
		errs = append(errs, fmt.Errorf("MaxBackoff %v is below MinBackoff %v", c.MaxBackoff, c.MinBackoff))
	}
	if len(errs) > 0 {
		return fmt.Errorf("amqpbus configuration: %w", errors.Join(errs...))
	}
	return nil
}

// unreadable returns why a URL can't be read, and nothing of the URL itself: what
// errors of package url quote may be a password, escaped so that nobody would
// find it to take it out.
func unreadable(err error) error {
	var parse *url.Error
	if errors.As(err, &parse) {
		err = parse.Err
	}
	why, _, _ := strings.Cut(err.Error(), `"`)
	return fmt.Errorf("%s; a user name or password with characters such as / ? # @ or : has to be percent-encoded", strings.TrimRight(why, " :"))
}
