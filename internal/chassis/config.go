package chassis

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"
)

// config is what a process reads from its environment. The tags are also the
// text of --help.
type config struct {
	AMQPURLs    []string `env:"AMQP_URL" envDefault:"amqp://guest:guest@127.0.0.1:5672/" group:"Broker" help:"where RabbitMQ is; several, separated by commas, are tried in turn" secret:"true"`
	AMQPTLSCA   string   `env:"AMQP_TLS_CA" help:"PEM file of the authority that signed the broker's certificate, for amqps://; the system's authorities if not set"`
	AMQPTLSCert string   `env:"AMQP_TLS_CERT" help:"PEM file of this client's certificate, where the broker asks for one"`
	AMQPTLSKey  string   `env:"AMQP_TLS_KEY" help:"PEM file of the certificate's key"`

	DatabaseURL string `env:"DATABASE_URL" group:"Database" help:"sqlite:PATH for a file, or postgres://USER:PASSWORD@HOST/NAME" secret:"true"`

	HTTPAddr string `env:"HTTP_ADDR" group:"HTTP" help:"where to listen: /healthz, /readyz, /metrics and the service's own API; :PORT listens on all interfaces"`

	Concurrency    int           `env:"CONCURRENCY" envDefault:"8" group:"Running" help:"how many events are handled at a time"`
	HandlerTimeout time.Duration `env:"HANDLER_TIMEOUT" envDefault:"30s" help:"how long one attempt to handle an event may take"`
	ShutdownDelay  time.Duration `env:"SHUTDOWN_DELAY" envDefault:"0s" help:"how long to go on after SIGTERM while /readyz already answers 503, so that load balancers notice"`
	DrainTimeout   time.Duration `env:"DRAIN_TIMEOUT" envDefault:"20s" help:"how long finishing what is under way may take; what the outbox can't publish in that time is published at the next start"`

	TraceSQL bool `env:"TRACE_SQL" envDefault:"false" group:"Traces" help:"a span for each SQL statement; they triple an order's spans, so they are for looking into one service"`

	LogLevel  logLevel  `env:"LOG_LEVEL" envDefault:"info" group:"Logs" help:"debug, info, warn or error"`
	LogFormat logFormat `env:"LOG_FORMAT" envDefault:"text" help:"text for people, json for machines"`
}

// readConfig reads the configuration of spec from environ. Its error names
// every variable that is wrong, and shows no secret.
func readConfig(spec Spec, environ map[string]string) (config, error) {
	c := defaultConfig(spec)
	wrong := parseInto(&c, environ)
	if spec.Settings != nil {
		wrong = append(wrong, parseInto(spec.Settings, environ)...)
	}
	for _, w := range c.validate() {
		// What could not even be read has no value to judge.
		if !slices.ContainsFunc(wrong, func(known wrongVariable) bool { return known.name == w.name }) {
			wrong = append(wrong, w)
		}
	}
	lines := make([]error, 0, len(wrong)+1)
	for _, w := range wrong {
		lines = append(lines, w)
	}
	if settings, ok := spec.Settings.(validator); ok && len(wrong) == 0 {
		if err := settings.Validate(); err != nil {
			lines = append(lines, err)
		}
	}
	if len(lines) == 0 {
		return c, nil
	}
	return config{}, fmt.Errorf("the environment is wrong; see --help for what each variable means:\n%w", errors.Join(lines...))
}

// validator is what settings can be that know what makes sense together.
type validator interface{ Validate() error }

// wrongVariable is a variable that has to be put right.
type wrongVariable struct {
	name string
	err  error
}

// Error begins with the variable's name.
func (w wrongVariable) Error() string { return w.name + w.err.Error() }

// wrongValue says of a variable what its value is and should be.
func wrongValue(name string, value any, format string, args ...any) wrongVariable {
	return wrongVariable{name, fmt.Errorf("=%v: "+format, append([]any{value}, args...)...)}
}

// wrongSecret is wrongValue for a variable whose value is not to be shown.
func wrongSecret(name string, err error) wrongVariable {
	return wrongVariable{name, fmt.Errorf(": %w", err)}
}

// dataDir is where databases are that nobody has given a place.
const dataDir = "data"

// defaultConfig has the defaults that differ from service to service.
func defaultConfig(spec Spec) config {
	return config{
		DatabaseURL: "sqlite:" + dataDir + "/" + spec.Name + ".db",
		HTTPAddr:    spec.DefaultAddr,
	}
}

// parseInto fills target, a pointer to a struct with env tags.
func parseInto(target any, environ map[string]string) []wrongVariable {
	err := env.ParseWithOptions(target, env.Options{Environment: environ})
	if err == nil {
		return nil
	}
	var all env.AggregateError
	if !errors.As(err, &all) {
		all.Errors = []error{err}
	}
	var wrong []wrongVariable
	for _, err := range all.Errors {
		wrong = append(wrong, explain(err, target, environ))
	}
	return wrong
}

// explain says which variable is wrong, with its value unless that is secret.
// The library knows the field's name, which the reader of the message does not.
func explain(err error, target any, environ map[string]string) wrongVariable {
	var parse env.ParseError
	if !errors.As(err, &parse) {
		return wrongVariable{"", err}
	}
	field, ok := reflect.TypeOf(target).Elem().FieldByName(parse.Name)
	if !ok {
		return wrongVariable{"", err}
	}
	name, _, _ := strings.Cut(field.Tag.Get("env"), ",")
	if field.Tag.Get("secret") != "" {
		return wrongSecret(name, errors.New(field.Tag.Get("help")))
	}
	return wrongValue(name, strconv.Quote(environ[name]), "%w", plainCause(parse))
}

// plainCause replaces what strconv and time say by what is asked for.
func plainCause(parse env.ParseError) error {
	var number *strconv.NumError
	switch {
	case parse.Type == reflect.TypeFor[time.Duration]():
		return errors.New("not a duration; write it like 500ms, 20s or 1m30s")
	case errors.As(parse.Err, &number):
		return fmt.Errorf("not a number of the kind asked for (%s)", parse.Type)
	default:
		return parse.Err
	}
}

// validate returns what can be read and is wrong nevertheless.
func (c *config) validate() []wrongVariable {
	var wrong []wrongVariable
	for i, text := range c.AMQPURLs {
		c.AMQPURLs[i] = strings.TrimSpace(text)
		if err := checkURL(c.AMQPURLs[i], "amqp", "amqps"); err != nil {
			wrong = append(wrong, wrongSecret("AMQP_URL", err))
		}
	}
	if err := checkURL(c.DatabaseURL, "sqlite", "postgres", "postgresql"); err != nil {
		wrong = append(wrong, wrongSecret("DATABASE_URL", err))
	}
	if err := checkAddr(c.HTTPAddr); err != nil {
		wrong = append(wrong, wrongValue("HTTP_ADDR", strconv.Quote(c.HTTPAddr), "%w", err))
	}
	if c.Concurrency < 1 || c.Concurrency > 10_000 {
		wrong = append(wrong, wrongValue("CONCURRENCY", c.Concurrency, "must be between 1 and 10000"))
	}
	return append(append(wrong, c.validateFiles()...), c.validateTimes()...)
}

func (c *config) validateFiles() []wrongVariable {
	var wrong []wrongVariable
	if c.AMQPTLSCert != "" && c.AMQPTLSKey == "" {
		wrong = append(wrong, wrongSecret("AMQP_TLS_KEY", errors.New("not set, though AMQP_TLS_CERT is: they belong together")))
	}
	if c.AMQPTLSKey != "" && c.AMQPTLSCert == "" {
		wrong = append(wrong, wrongSecret("AMQP_TLS_CERT", errors.New("not set, though AMQP_TLS_KEY is: they belong together")))
	}
	for _, f := range []struct{ name, path string }{
		{"AMQP_TLS_CA", c.AMQPTLSCA}, {"AMQP_TLS_CERT", c.AMQPTLSCert}, {"AMQP_TLS_KEY", c.AMQPTLSKey},
	} {
		if f.path == "" {
			continue
		}
		if _, err := os.Stat(f.path); err != nil {
			wrong = append(wrong, wrongValue(f.name, f.path, "%w", err))
		}
	}
	return wrong
}

func (c *config) validateTimes() []wrongVariable {
	var wrong []wrongVariable
	for _, d := range []struct {
		name         string
		value, least time.Duration
	}{
		{"HANDLER_TIMEOUT", c.HandlerTimeout, time.Millisecond},
		{"DRAIN_TIMEOUT", c.DrainTimeout, time.Millisecond},
		{"SHUTDOWN_DELAY", c.ShutdownDelay, 0},
	} {
		if d.value < d.least || d.value > time.Hour {
			wrong = append(wrong, wrongValue(d.name, d.value, "must be between %v and 1h", d.least))
		}
	}
	return wrong
}

// checkAddr tells what is wrong with an address to listen on.
func checkAddr(addr string) error {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return errors.New("write it as host:port, such as 127.0.0.1:8080, or :8080 for all interfaces")
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return fmt.Errorf("port %q is not between 0 and 65535", port)
	}
	return nil
}

// checkURL tells what is wrong with a URL without showing it: it may hold a
// password, and an error of package url would repeat it.
func checkURL(text string, schemes ...string) error {
	u, err := url.Parse(text)
	if err != nil {
		var parse *url.Error
		if errors.As(err, &parse) {
			err = hideInput(parse.Err)
		}
		return fmt.Errorf("not a URL: %w; it begins with %s", err, strings.Join(schemes, ":, ")+":")
	}
	for _, scheme := range schemes {
		if u.Scheme == scheme {
			return nil
		}
	}
	return fmt.Errorf("scheme %q is not known; it begins with %s", u.Scheme, strings.Join(schemes, ":, ")+":")
}

// hideInput keeps the kind of a url error and drops the part of the input that
// some of them quote.
func hideInput(err error) error {
	text, _, _ := strings.Cut(err.Error(), `"`)
	return errors.New(strings.TrimSpace(text))
}
