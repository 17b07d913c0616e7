package chassis

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/laban-io/laban/pkg/amqpbus"
	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/tracing"
)

// Main is the whole of a service's main function. It reads the configuration
// from the environment, runs the service on RabbitMQ until SIGTERM or SIGINT,
// and ends the process: with status 0 after an orderly stop, 1 where the
// service could not do its work, 2 where its configuration is wrong. A second
// signal ends it at once.
func Main(spec Spec) {
	err := command(spec, environ(), os.Stderr).ExecuteContext(context.Background())
	os.Exit(exitStatus(err, os.Stderr))
}

// errUsage marks what its user has to put right.
var errUsage = errors.New("usage")

// exitStatus says what went wrong and returns the status that stands for it.
func exitStatus(err error, stderr io.Writer) int {
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errUsage):
		fmt.Fprintln(stderr, strings.TrimPrefix(err.Error(), errUsage.Error()+": "))
		return 2
	default:
		return 1 // it is in the log already
	}
}

// command is the service's command line: --help, --version, and running it.
func command(spec Spec, environ map[string]string, stderr io.Writer) *cobra.Command {
	cmd := &cobra.Command{
		Use:           spec.Name,
		Short:         spec.Summary,
		Version:       version(),
		Args:          noArguments,
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return serve(cmd.Context(), spec, environ, stderr)
		},
	}
	cmd.SetHelpFunc(func(cmd *cobra.Command, _ []string) { writeHelp(cmd.OutOrStdout(), spec) })
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return fmt.Errorf("%w: %w; try --help", errUsage, err) })
	cmd.CompletionOptions.DisableDefaultCmd = true
	return cmd
}

func noArguments(_ *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return fmt.Errorf("%w: argument %q is not expected: the service is configured by its environment; try --help", errUsage, args[0])
}

// serve runs the service as its environment says, until a signal.
func serve(ctx context.Context, spec Spec, environ map[string]string, stderr io.Writer) error {
	cfg, err := readConfig(spec, environ)
	if err != nil {
		return fmt.Errorf("%w: %w", errUsage, err)
	}
	if environ["DATABASE_URL"] == "" {
		if err := makeDataDir(); err != nil {
			return fmt.Errorf("%w: the default database is in ./%s: %w; set DATABASE_URL to another place", errUsage, dataDir, err)
		}
	}
	tlsConfig, err := amqpbus.LoadTLS(cfg.AMQPTLSCA, cfg.AMQPTLSCert, cfg.AMQPTLSKey)
	if err != nil {
		return fmt.Errorf("%w: AMQP_TLS_…: %w", errUsage, err)
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", cfg.HTTPAddr)
	if err != nil {
		return fmt.Errorf("%w: HTTP_ADDR: %w; is another instance running?", errUsage, err)
	}
	ctx, stop := untilSignal(ctx, stderr)
	defer stop()
	t, err := tracing.Start(ctx, tracing.Config{
		Service:   spec.Name,
		Version:   version(),
		LogFormat: cfg.LogFormat.LogFormat,
		LogLevel:  cfg.LogLevel.Level,
		LogOutput: stderr,
	})
	if err != nil {
		return errors.Join(fmt.Errorf("%w: %w", errUsage, err), listener.Close())
	}
	return Run(ctx, spec, Options{
		DatabaseURL:    cfg.DatabaseURL,
		Listener:       listener,
		Version:        version(),
		Concurrency:    cfg.Concurrency,
		HandlerTimeout: cfg.HandlerTimeout,
		ShutdownDelay:  cfg.ShutdownDelay,
		DrainTimeout:   cfg.DrainTimeout,
		Telemetry:      t,
		TraceSQL:       cfg.TraceSQL,
		flushTelemetry: t.Shutdown,
		openTransport: func(ctx context.Context) (bus.Transport, error) {
			ctx, cancel := context.WithTimeout(ctx, firstConnection)
			defer cancel()
			return amqpbus.Open(ctx, amqpbus.Config{
				URLs:   cfg.AMQPURLs,
				TLS:    tlsConfig,
				Name:   spec.Name,
				Logger: t.Logger,
			})
		},
	})
}

// firstConnection is how long the start waits for the broker before it goes on
// without; the transport keeps trying, and /readyz says so.
const firstConnection = 2 * time.Second

// makeDataDir makes the directory of the default database. It is the owner's
// alone: orders have names and addresses.
func makeDataDir() error { return os.MkdirAll(dataDir, 0o700) }

// environ returns the environment as a map.
func environ() map[string]string {
	vars := make(map[string]string)
	for _, line := range os.Environ() {
		name, value, _ := strings.Cut(line, "=")
		vars[name] = value
	}
	return vars
}

// version is the version that the Go toolchain stamped into the binary: the
// tag it was built from, or one derived from the commit.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "unknown"
	}
	return info.Main.Version
}
