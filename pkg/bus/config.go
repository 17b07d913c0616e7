package bus

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"
)

// Config says what a service is and how its messages are handled. Only Service
// is required.
type Config struct {
	// Service is the service's name: the source of its events and the name of
	// its queue. Letters, digits, "-" and "_".
	Service string
	// Version is the service's version; it travels with every event.
	Version string
	// Instance tells this process from others of the same service. Default:
	// host name and process id.
	Instance string
	// Emits are the event types that the service may publish. Where it is set,
	// publishing any other type fails with [ErrUndeclared], so that a misspelt
	// type fails its emitter instead of stopping a flow in silence.
	Emits []string

	// Concurrency is how many events are handled at a time. Default: 8.
	Concurrency int
	// RetryLevels are the delays of retries, ascending. A level is a queue of
	// its own: every distinct delay costs one. Default: [DefaultRetryLevels].
	RetryLevels []time.Duration
	// MaxAttempts is how often an event is tried before it is parked. Default:
	// one more than there are retry levels.
	MaxAttempts int
	// HandlerTimeout bounds one attempt. Default: 30 s.
	HandlerTimeout time.Duration
	// DrainTimeout is how long running handlers may go on when the bus stops.
	// Default: 15 s.
	DrainTimeout time.Duration
	// AnnounceEvery is the time between announcements. Default: 1 h.
	AnnounceEvery time.Duration
	// MaxDataBytes is the largest event data that may be published. Default:
	// 1 MiB.
	MaxDataBytes int

	// Hooks see every message; see [Hook].
	Hooks []Hook
	// Middleware wraps every handler, the first one outermost, inside [Recover]
	// and [Timeout].
	Middleware []Middleware
	// Logger takes what nobody else can be told. Default: slog.Default().
	Logger *slog.Logger
}

func (c *Config) setDefaults() {
	if c.Instance == "" {
		host, err := os.Hostname()
		if err != nil {
			host = "unknown"
		}
		c.Instance = fmt.Sprintf("%s-%d", host, os.Getpid())
	}
	if c.Concurrency == 0 {
		c.Concurrency = 8
	}
	if c.RetryLevels == nil {
		c.RetryLevels = DefaultRetryLevels()
	}
	if c.MaxAttempts == 0 {
		c.MaxAttempts = len(c.RetryLevels) + 1
	}
	if c.HandlerTimeout == 0 {
		c.HandlerTimeout = 30 * time.Second
	}
	if c.DrainTimeout == 0 {
		c.DrainTimeout = 15 * time.Second
	}
	if c.AnnounceEvery == 0 {
		c.AnnounceEvery = time.Hour
	}
	if c.MaxDataBytes == 0 {
		c.MaxDataBytes = 1 << 20
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
}

func (c *Config) validate() error {
	var errs []error
	if err := checkServiceName(c.Service); err != nil {
		errs = append(errs, err)
	}
	if c.Concurrency < 1 {
		errs = append(errs, fmt.Errorf("concurrency is %d, must be at least 1", c.Concurrency))
	}
	if c.MaxAttempts < 1 {
		errs = append(errs, fmt.Errorf("MaxAttempts is %d, must be at least 1", c.MaxAttempts))
	}
	if c.MaxDataBytes < 1 {
		errs = append(errs, fmt.Errorf("MaxDataBytes is %d, must be at least 1", c.MaxDataBytes))
	}
	for _, level := range c.RetryLevels {
		if level < time.Millisecond {
			errs = append(errs, fmt.Errorf("RetryLevels has %v, must be at least 1ms", level))
		}
	}
	if !slices.IsSorted(c.RetryLevels) {
		errs = append(errs, fmt.Errorf("RetryLevels %v must ascend", c.RetryLevels))
	}
	if c.HandlerTimeout < 0 || c.DrainTimeout < 0 || c.AnnounceEvery < 0 {
		errs = append(errs, errors.New("HandlerTimeout, DrainTimeout and AnnounceEvery must not be negative"))
	}
	if len(errs) > 0 {
		return fmt.Errorf("bus configuration: %w", errors.Join(errs...))
	}
	return nil
}

func checkServiceName(name string) error {
	if name == "" {
		return errors.New("Service is empty; give the service's name")
	}
	ok := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_'
	}
	if len(name) > 64 || strings.IndexFunc(name, func(r rune) bool { return !ok(r) }) >= 0 {
		return fmt.Errorf("Service %q: use up to 64 letters, digits, - and _, since queues are named after it", name)
	}
	if name == "events" {
		return fmt.Errorf("Service %q: that name is taken by the exchanges", name)
	}
	return nil
}
