package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"github.com/laban-io/laban/internal/observer/config"
	"github.com/laban-io/laban/internal/observer/process"
)

// observeFlags are the flags of laban observe and laban replay.
type observeFlags struct {
	config     string
	amqp       []string
	management string
	contracts  []string
	ledger     string
	listen     string
	replaces   string
	check      bool
	logLevel   string
	logJSON    bool
}

func observeCommand(s streams) *cobra.Command {
	f := &observeFlags{}
	cmd := &cobra.Command{
		Use:   "observe",
		Short: "Watch a broker, and know where every flow is and why it stopped",
		Long: `Watch a RabbitMQ, in whatever language its services are written: read the log
of events, judge every flow by its contract, keep what was found in a ledger,
and tell it: as metrics, as spans in the flows' own traces, as log lines and
over HTTP (laban where and laban flows ask there).

It never acts: stop it, and no flow behaves differently. A second observer of
the same log stands by, and takes over when the first one goes.

The configuration is a YAML file; flags go before what it says:

  amqp: ${AMQP_URL}                  # or a list of URLs
  management: http://localhost:15672 # optional: better causes
  ledger: sqlite:ledger.db           # or postgres://…, or none
  listen: 127.0.0.1:7070
  contracts: [shop.yaml]
  taps:                              # of systems that know nothing of Laban
    - {exchange: shop, type: routing-key, key: body:/order/id}

Spans are exported where OTEL_EXPORTER_OTLP_ENDPOINT says. Elsewhere than on
loopback it listens only with a token in LABAN_API_TOKEN.`,
		Example: `  laban observe --config observer.yaml
  laban observe --amqp amqp://localhost/ --contract shop.yaml
  laban observe --config observer.yaml --check    # what it would observe`,
		Args: noArguments,
	}
	f.register(cmd)
	flags := cmd.Flags()
	flags.StringVar(&f.listen, "listen", "", "serve metrics and the API at this `address` (default "+config.DefaultListen+")")
	flags.StringVar(&f.replaces, "replaces-log", "", "go on with a ledger that is of the log with this `ID`, whose place this log took; the observer gives the ID where it refuses")
	flags.BoolVar(&f.check, "check", false, "validate the configuration, say what would be observed and what can't be, and exit")
	flags.SortFlags = false
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return f.run(cmd, s) }
	return cmd
}

// register adds the flags that observing and replaying have in common.
func (f *observeFlags) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVarP(&f.config, "config", "c", "", "read the configuration from this `file`")
	flags.StringArrayVar(&f.amqp, "amqp", nil, "the broker's `URL`; repeat it for the nodes of a cluster")
	flags.StringVar(&f.management, "management", "", "the `URL` of the broker's management API")
	flags.StringArrayVar(&f.contracts, "contract", nil, "a contract's `file`, or a pattern of them; may be repeated")
	flags.StringVar(&f.ledger, "ledger", "", "keep what is found in this `database`: sqlite:FILE, postgres://… or none (default "+config.DefaultLedger+")")
	flags.StringVar(&f.logLevel, "log-level", "info", "what to log: debug, info, warn or error")
	flags.BoolVar(&f.logJSON, "log-json", false, "log as JSON, one object a line")
}

// load reads the configuration, and puts the flags before it.
func (f *observeFlags) load() (*config.Config, error) {
	cfg := config.Default()
	if f.config != "" {
		var err error
		if cfg, err = config.Load(f.config, os.LookupEnv); err != nil {
			return nil, err
		}
	}
	if len(f.amqp) > 0 {
		cfg.AMQP = f.amqp
	}
	if len(f.contracts) > 0 {
		paths, err := config.Globs("", f.contracts)
		if err != nil {
			return nil, fmt.Errorf("--contract: %w", err)
		}
		cfg.Contracts = paths
	}
	for to, value := range map[*string]string{&cfg.Management: f.management, &cfg.Ledger: f.ledger, &cfg.Listen: f.listen} {
		if value != "" {
			*to = value
		}
	}
	if len(cfg.AMQP) == 0 {
		return nil, errors.New("which broker? give --amqp amqp://user:password@host/ or --config observer.yaml")
	}
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	return cfg, nil
}

func (f *observeFlags) logger(s streams) (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(f.logLevel)); err != nil {
		return nil, fmt.Errorf("--log-level: %q is none of debug, info, warn and error", f.logLevel)
	}
	options := &slog.HandlerOptions{Level: level}
	if f.logJSON {
		return slog.New(slog.NewJSONHandler(s.err, options)), nil
	}
	return slog.New(slog.NewTextHandler(s.err, options)), nil
}

func (f *observeFlags) run(cmd *cobra.Command, s streams) error {
	cfg, err := f.load()
	if err != nil {
		return &statusError{2, err}
	}
	log, err := f.logger(s)
	if err != nil {
		return usageError(cmd, err)
	}
	opts := process.Options{Version: version(), Token: process.TokenFromEnvironment(), Logger: log, ReplacesLog: f.replaces}
	ctx, release := untilStopped(cmd.Context())
	defer release()
	if f.check {
		return process.Check(ctx, cfg, opts, s.out)
	}
	return process.Run(ctx, cfg, opts)
}

// untilStopped returns a context that ends with the first signal to stop; the
// second ends the process where it is.
func untilStopped(parent context.Context) (context.Context, func()) {
	signaled, stop, forget := untilSignals(parent)
	ctx, cancel := context.WithCancel(signaled)
	done := make(chan struct{})
	go func() {
		defer close(done)
		select {
		case <-stop:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, func() {
		cancel()
		<-done
		forget()
	}
}
