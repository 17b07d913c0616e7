package demo

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"

	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/services/payment/gateway"
)

// Config says what a demo does. The zero value of each field that has a
// default means that default, except where a pointer says "not given".
type Config struct {
	// Orders is how many orders to place; 0 means until it is stopped.
	Orders int
	// Rate is how many orders are placed in a second; 0 means as fast as
	// Concurrency allows. Not given: 5, and 0 for a number of orders after which
	// the demo exits.
	Rate *float64
	// Exit ends the demo when all orders have ended. Otherwise the services stay
	// up until it is stopped.
	Exit bool
	// Mix is the fates in proportion. Default: [DefaultMix].
	Mix Mix
	// Seed makes a run repeatable: the same fates, goods and moments of
	// canceling in the same order. Default: another one each time.
	Seed uint64
	// Think is how long the simulated payment provider and carrier take for
	// each answer. Not given: 40 ms.
	Think *time.Duration
	// Concurrency is how many orders are open at a time, at most. It is what
	// bounds the pace where Rate is 0. Default: 64.
	Concurrency int
	// Timeout is how long orders may be open after the last was placed.
	// Default: 60 s.
	Timeout time.Duration

	// Listen is where the order API is served. Default: 127.0.0.1:0, a free
	// port.
	Listen string
	// AMQP is the URL of a RabbitMQ to use instead of one in memory.
	AMQP string
	// Keep is a directory for the databases, which then stay.
	Keep string
	// LogFile takes the services' log.
	LogFile string

	// NoObserver does without an observer. Otherwise one answers at
	// ObserverListen; by default at [DefaultObserverListen] or the next free
	// port. Management is the URL of RabbitMQ's management API, for it.
	NoObserver     bool
	ObserverListen string
	Management     string
	// Faults are made around the services, and the observer has to find them.
	Faults []Fault
	// Gentle tells that nobody asked for the faults: they are there for people to
	// find, and the first lines say so.
	Gentle bool
	// Hurry divides the deadlines of the contract that the observer judges by.
	// Default: 1, and 5 with faults that were asked for.
	Hurry float64

	// Out is where everything is printed. Required.
	Out io.Writer
	// Screen, where set, is the terminal that Out is: the demo shows a view that
	// moves. Otherwise it prints lines.
	Screen *Screen
	// Colours tells whether colours may be used.
	Colours bool
	// Version is the services' version.
	Version string

	// checkLimit is how long databases and API may take to catch up with the
	// log. Default: 5 s.
	checkLimit time.Duration
	// wrapGateway and wrapTransport put faults into a test's demo.
	wrapGateway   func(gateway.Gateway) gateway.Gateway
	wrapTransport func(service string, t bus.Transport) bus.Transport
}

// Bounds of what can be asked for.
const (
	maxOrders      = 1_000_000
	maxRate        = 10_000
	maxConcurrency = 10_000
	maxThink       = time.Minute
	maxHurry       = 20
)

func (c *Config) setDefaults() {
	if c.Rate == nil {
		rate := 5.0
		if c.Orders > 0 && c.Exit && len(c.Faults) == 0 {
			rate = 0
		}
		c.Rate = &rate
	}
	if c.Mix == (Mix{}) {
		c.Mix = DefaultMix()
	}
	if c.Think == nil {
		think := 40 * time.Millisecond
		c.Think = &think
	}
	hurry := 1.0
	if len(c.Faults) > 0 && !c.Gentle {
		hurry = 5
	}
	setDefault(&c.Hurry, hurry)
	setDefault(&c.Concurrency, 64)
	setDefault(&c.Timeout, time.Minute)
	setDefault(&c.Listen, "127.0.0.1:0")
	setDefault(&c.Version, "unknown")
	setDefault(&c.checkLimit, 5*time.Second)
	setDefault(&c.Seed, 1+uint64(time.Now().UnixNano())%999_999) // short, to be typed again
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// UsageError is the error of a [Config] that asks for what can't be done.
type UsageError struct{ Err error }

// Error says what is wrong with it.
func (e *UsageError) Error() string { return e.Err.Error() }

// Unwrap returns the error inside.
func (e *UsageError) Unwrap() error { return e.Err }

func usage(format string, args ...any) error { return &UsageError{fmt.Errorf(format, args...)} }

func (c *Config) validate() error {
	var errs []error
	wrong := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if c.Orders < 0 || c.Orders > maxOrders {
		wrong("--orders is %d; it must be between 0 (until you stop it) and %d", c.Orders, maxOrders)
	}
	if c.Exit && c.Orders == 0 {
		wrong("--exit ends the demo when all orders have ended: say how many with --orders")
	}
	if *c.Rate < 0 || *c.Rate > maxRate || *c.Rate > 0 && *c.Rate < 0.001 {
		wrong("--rate is %v; it must be 0 (as fast as --concurrency allows) or between 0.001 and %d orders a second", *c.Rate, maxRate)
	}
	if c.Concurrency < 1 || c.Concurrency > maxConcurrency {
		wrong("--concurrency is %d; it must be between 1 and %d", c.Concurrency, maxConcurrency)
	}
	if *c.Think < 0 || *c.Think > maxThink {
		wrong("--think is %v; it must be between 0 and %v", *c.Think, maxThink)
	}
	if c.Timeout < time.Second {
		wrong("--timeout is %v; it must be at least 1s", c.Timeout)
	}
	if _, port, err := net.SplitHostPort(c.Listen); err != nil {
		wrong("--listen is %q; write it as host:port, such as 127.0.0.1:8080", c.Listen)
	} else if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		wrong("--listen is %q; the port must be between 0 (a free one) and 65535", c.Listen)
	}
	if !(c.Hurry >= 1 && c.Hurry <= maxHurry) {
		wrong("--hurry is %v; it must be between 1 (the deadlines as they are) and %d", c.Hurry, maxHurry)
	}
	if c.NoObserver && len(c.Faults) > 0 {
		wrong("--faults are for the observer to find: leave out --no-observer")
	}
	if c.NoObserver && (c.ObserverListen != "" || c.Management != "" || c.Hurry > 1) {
		wrong("--observer-listen, --management and --hurry are the observer's: leave them out, or --no-observer")
	}
	if c.Management != "" && c.AMQP == "" {
		wrong("--management is the management API of the broker that --amqp names; the bus in memory has none")
	}
	if len(errs) > 0 {
		return &UsageError{errors.Join(errs...)}
	}
	return nil
}
