package config

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/laban-io/laban/internal/observer/mapping"
	"github.com/laban-io/laban/internal/observer/record"
	"github.com/laban-io/laban/pkg/choreography"
)

// NoLedger as Config.Ledger keeps nothing: after a restart the observer begins
// anew.
const NoLedger = "none"

// Defaults.
const (
	DefaultListen   = "127.0.0.1:7070"
	DefaultLedger   = "sqlite:ledger.db"
	DefaultPrefix   = "events"
	DefaultFinished = 30 * 24 * time.Hour
)

// Config is an observer's configuration.
type Config struct {
	// AMQP are the URLs of the cluster's nodes.
	AMQP []string
	// TLS names PEM files for amqps:// URLs.
	TLS TLS
	// Management is the address of the broker's management API, with user and
	// password where they are not those of AMQP; empty where there is none.
	Management string
	// Ledger is "sqlite:path", "postgres://…" or [NoLedger].
	Ledger string
	// Listen is where HTTP is served.
	Listen string
	// Prefix is that of the names of exchanges and streams of services that use
	// package amqpbus.
	Prefix string
	// Log is the name of the stream that is the log. Default: Prefix + ".log".
	Log string
	// From is "first" or "next": where to begin in a log of which the ledger
	// knows nothing.
	From string
	// Contracts are the paths of contracts, globs resolved.
	Contracts []string
	// Taps are the exchanges of other systems to observe.
	Taps []Tap
	// Queues names the queues of services that do not announce themselves and
	// whose queue is not called like the service.
	Queues map[string]string
	// Retention is how long the ledger keeps what is over.
	Retention Retention
	// Payloads says whether messages' bodies are kept.
	Payloads Payloads
	// Links are templates of addresses that the pages link to.
	Links Links
}

// TLS names PEM files; see amqpbus.LoadTLS.
type TLS struct{ CA, Cert, Key string }

// Tap is an exchange to observe, and how its messages are read.
type Tap struct {
	record.Tap
	// Keys are the binding keys. Default: "#", which a direct exchange does not
	// understand.
	Keys []string
}

// Retention is how long the ledger keeps what is over.
type Retention struct {
	// Finished is how long flows are kept after their end.
	Finished time.Duration
}

// Payloads says whether messages' bodies are kept.
type Payloads struct {
	Keep bool
	// Redact are JSON pointers of what is left out.
	Redact []string
}

// Links are addresses with {trace_id}, {flow_id} and {key} in them.
type Links struct {
	Jaeger, Grafana string
}

// Load reads a file, with variables from getenv.
func Load(path string, getenv func(string) (string, bool)) (*Config, error) {
	text, err := os.ReadFile(path) //nolint:gosec // the operator names the file
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	c, err := Parse(path, text, getenv)
	if err != nil {
		return nil, err
	}
	return c, nil
}

// Default returns the configuration of an empty file.
func Default() *Config {
	c := &Config{}
	c.setDefaults()
	return c
}

func (c *Config) setDefaults() {
	for to, value := range map[*string]string{
		&c.Ledger: DefaultLedger, &c.Listen: DefaultListen, &c.Prefix: DefaultPrefix, &c.From: "first",
	} {
		if *to == "" {
			*to = value
		}
	}
	if c.Log == "" {
		c.Log = c.Prefix + ".log"
	}
	if c.Retention.Finished == 0 {
		c.Retention.Finished = DefaultFinished
	}
}

// Validate returns all that is wrong with a configuration whatever it was made
// from.
func (c *Config) Validate() error {
	var errs []error
	if len(c.AMQP) == 0 {
		errs = append(errs, errors.New("amqp: no broker; say which, as in amqp: amqp://guest:guest@localhost:5672/"))
	}
	for _, u := range c.AMQP {
		// The error of Parse would show the password.
		if parsed, err := url.Parse(u); err != nil || parsed.Scheme != "amqp" && parsed.Scheme != "amqps" {
			errs = append(errs, errors.New("amqp: not an address that begins with amqp:// or amqps://"))
		}
	}
	if c.Management != "" {
		if parsed, err := url.Parse(c.Management); err != nil || parsed.Scheme != "http" && parsed.Scheme != "https" || parsed.Host == "" {
			errs = append(errs, errors.New("management: not an address that begins with http:// or https://"))
		}
	}
	if c.From != "first" && c.From != "next" {
		errs = append(errs, fmt.Errorf("from: %q is neither first nor next", c.From))
	}
	if c.Retention.Finished < 0 {
		errs = append(errs, errors.New("retention: finished is negative"))
	}
	for i := range c.Taps {
		t := &c.Taps[i]
		switch {
		case t.Exchange == "":
			errs = append(errs, errors.New("taps: a tap names no exchange; the default exchange, whose name is empty, can't be tapped"))
		case len(t.Exchange) > 255:
			errs = append(errs, fmt.Errorf("taps: the exchange %.20s… has a name of %d bytes", t.Exchange, len(t.Exchange)))
		case IsPattern(t.Exchange) && c.Management == "":
			errs = append(errs, fmt.Errorf("taps: %q is a pattern; which exchanges match it only the management API can tell: add management: http://…, or name the exchanges", t.Exchange))
		}
		if _, err := mapping.Parse(t.Tap); err != nil {
			errs = append(errs, fmt.Errorf("taps: exchange %s: %w", t.Exchange, err))
		}
	}
	for _, p := range c.Payloads.Redact {
		if !strings.HasPrefix(p, "/") {
			errs = append(errs, fmt.Errorf("payloads: %q is not a JSON pointer, such as /card/number", p))
		}
	}
	return errors.Join(errs...)
}

// IsPattern tells whether an exchange's name is a pattern: * stands for any
// text.
func IsPattern(exchange string) bool { return strings.Contains(exchange, "*") }

// Matches tells whether an exchange's name matches a pattern.
func Matches(pattern, exchange string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == exchange
	}
	rest, ok := strings.CutPrefix(exchange, parts[0])
	if !ok {
		return false
	}
	last := len(parts) - 1
	for _, part := range parts[1:last] {
		i := strings.Index(rest, part)
		if i < 0 {
			return false
		}
		rest = rest[i+len(part):]
	}
	return strings.HasSuffix(rest, parts[last])
}

// ReadContracts reads the contracts. Two of one name are an error.
func (c *Config) ReadContracts() ([]*choreography.Choreography, error) {
	var all []*choreography.Choreography
	var errs []error
	names := map[string]string{}
	for _, path := range c.Contracts {
		contract, err := choreography.ParseFile(path)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if first, twice := names[contract.Name]; twice {
			errs = append(errs, fmt.Errorf("%s: the choreography %s is in %s already", path, contract.Name, first))
			continue
		}
		names[contract.Name] = path
		all = append(all, contract)
	}
	return all, errors.Join(errs...)
}

// Globs resolves paths and patterns of files, relative to a directory. One that
// matches nothing is an error.
func Globs(dir string, patterns []string) ([]string, error) {
	var paths []string
	for _, pattern := range patterns {
		full := pattern
		if !filepath.IsAbs(full) {
			full = filepath.Join(dir, full)
		}
		found, err := filepath.Glob(full)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", pattern, err)
		}
		if len(found) == 0 {
			return nil, fmt.Errorf("there is no file %s", full)
		}
		for _, path := range found {
			if !slices.Contains(paths, path) {
				paths = append(paths, path)
			}
		}
	}
	return paths, nil
}

// Mapping returns the taps as the log states them.
func (c *Config) Mapping() record.Mapping {
	var m record.Mapping
	for i := range c.Taps {
		m.Taps = append(m.Taps, c.Taps[i].Tap)
	}
	return m
}
