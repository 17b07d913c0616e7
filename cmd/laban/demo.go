package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/laban-io/laban/internal/demo"
)

// demoFlags are the flags of laban demo.
type demoFlags struct {
	cfg    demo.Config
	fates  string
	faults string
	rate   float64
	think  time.Duration
	plain  bool
}

func demoCommand(s streams) *cobra.Command {
	f := &demoFlags{}
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Run the order system in this process, and show it at work",
		Long: `Run five services in this process, place orders of mixed fates through the
order API, and show what becomes of each.

Nothing needs to be installed or configured: the message bus is in memory, and
the databases are temporary files. The order API listens on this host only;
orders that you place there yourself are followed, too.

An observer is built in, the one of laban observe: meanwhile, laban where and
laban flows answer from it. --faults breaks things around the services, and
counts what the observer made of it: every stall has to be named with the
service whose turn it was, and with its cause.

It ends with a table of fates, counts and durations, and with a check of what
must hold: no stock and no money is lost, every order has one outcome, every
change one mail. The exit status is 1 if any order did not end as its fate
demands, or anything of that does not hold.

Fates:
` + fateHelp() + `
Faults, as a list of kind=service@moment, kind=service@moment/duration,
kind=service@moment*messages, kind=percent or kind=service:percent:
` + faultHelp(),
		Example: `  laban demo                                      # until ctrl-C
  laban demo --orders 50 --exit                   # 50 orders, then the report
  laban demo --orders 1000 --exit --think 0       # how fast it is
  laban demo --fates canceled=50,undeliverable=50 # only what has to be undone
  laban demo --faults --orders 60 --exit          # five kinds of fault, and what is seen of them
  laban demo --faults hang=payment@5s,die=inventory@10s/5s,drop=2%,park=1%
  laban demo --amqp amqp://localhost/             # on RabbitMQ
  OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318 laban demo --orders 20 --exit`,
		Args: noArguments,
	}
	flags := cmd.Flags()
	flags.IntVarP(&f.cfg.Orders, "orders", "n", 0, "how many orders to place; 0 means until ctrl-C")
	flags.Float64Var(&f.rate, "rate", 5, "orders placed in a second; 0 means as fast as --concurrency allows, the default with --orders and --exit")
	flags.BoolVar(&f.cfg.Exit, "exit", false, "end when all --orders have ended; without it the services stay up until ctrl-C")
	flags.StringVar(&f.fates, "fates", demo.DefaultMix().String(), "fates of the orders, in proportion to each other")
	flags.Uint64Var(&f.cfg.Seed, "seed", 0, "makes the orders repeatable; 0 means others each time")
	flags.StringVar(&f.faults, "faults", "", "make faults around the services, by this `list`; without one, "+demo.DefaultFaults+"; a demo in memory that runs until ctrl-C has a few by itself, and none with --faults="+demo.NoFaults)
	flags.Lookup("faults").NoOptDefVal = demo.UsualFaults
	flags.Float64Var(&f.cfg.Hurry, "hurry", 0, "divide the deadlines of the observer's contract by this; 1, or with --faults 5")
	flags.StringVar(&f.cfg.ObserverListen, "observer-listen", "", "where the observer answers (default "+demo.DefaultObserverListen+", or the next free port)")
	flags.BoolVar(&f.cfg.NoObserver, "no-observer", false, "run without the observer")
	flags.StringVar(&f.cfg.Management, "management", "", "with --amqp, the `URL` of the broker's management API: better causes")
	flags.DurationVar(&f.think, "think", 40*time.Millisecond, "how long the simulated payment provider and carrier take for each answer; may be 0")
	flags.IntVar(&f.cfg.Concurrency, "concurrency", 64, "how many orders are open at a time, at most")
	flags.DurationVar(&f.cfg.Timeout, "timeout", time.Minute, "how long orders may be open after the last was placed")
	flags.StringVar(&f.cfg.Listen, "listen", "127.0.0.1:0", "where the order API listens; port 0 takes a free one")
	flags.StringVar(&f.cfg.AMQP, "amqp", "", "use the RabbitMQ at this `URL` instead of a bus in memory; AMQP_TLS_CA, AMQP_TLS_CERT and AMQP_TLS_KEY name PEM files for amqps://")
	flags.StringVar(&f.cfg.Keep, "keep", "", "put the services' databases into this `directory`, and leave them there")
	flags.StringVar(&f.cfg.LogFile, "log-file", "", "write the services' log to this `file`")
	flags.BoolVar(&f.plain, "plain", false, "print lines instead of a view that moves; the default where output is not a terminal")
	flags.SortFlags = false
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return f.run(cmd, s) }
	return cmd
}

func faultHelp() string {
	var text strings.Builder
	for _, k := range demo.FaultKinds() {
		fmt.Fprintf(&text, "  %-14s %s (%s)\n", k, k.Means(), k.Cause())
	}
	return text.String()
}

func fateHelp() string {
	var text strings.Builder
	for _, f := range demo.Fates() {
		fmt.Fprintf(&text, "  %-14s %s\n", f, f.Means())
	}
	return text.String()
}

// run runs the demo until it ends, or signals end it.
func (f *demoFlags) run(cmd *cobra.Command, s streams) error {
	mix, err := demo.ParseMix(f.fates)
	if err != nil {
		return usageError(cmd, fmt.Errorf("--fates: %w", err))
	}
	// Who looks on is to have something to find; a check is to find nothing.
	if !cmd.Flags().Changed("faults") && !f.cfg.Exit && !f.cfg.NoObserver && f.cfg.AMQP == "" {
		f.faults, f.cfg.Gentle = demo.GentleFaults, true
	}
	if f.faults != "" && f.faults != demo.NoFaults {
		if f.cfg.Faults, err = demo.ParseFaults(f.faults); err != nil {
			return usageError(cmd, fmt.Errorf("--faults: %w", err))
		}
	}
	f.cfg.Mix, f.cfg.Think, f.cfg.Version = mix, &f.think, version()
	if cmd.Flags().Changed("rate") {
		f.cfg.Rate = &f.rate
	}
	f.cfg.Out = s.out
	if size, ok := terminal(s.out); ok {
		f.cfg.Colours = os.Getenv("NO_COLOR") == ""
		if !f.plain && os.Getenv("TERM") != "dumb" {
			f.cfg.Screen = demo.NewScreen(s.out, size, f.cfg.Colours)
			defer suspendable(f.cfg.Screen)()
		}
	}
	ctx, stop, release := untilSignals(cmd.Context())
	defer release()
	_, err = demo.Run(ctx, stop, f.cfg)
	var usage *demo.UsageError
	switch {
	case errors.As(err, &usage):
		return usageError(cmd, err)
	case errors.Is(err, demo.ErrCutOff):
		return &statusError{130, err}
	case errors.Is(err, demo.ErrFailed):
		return &statusError{status: 1} // the report has said it
	default:
		return err
	}
}

// terminal returns how large the terminal is that w writes to, if it is one.
func terminal(w io.Writer) (size func() (width, height int), ok bool) {
	f, isFile := w.(*os.File)
	if !isFile || !term.IsTerminal(int(f.Fd())) {
		return nil, false
	}
	return func() (int, int) {
		width, height, err := term.GetSize(int(f.Fd()))
		if err != nil || width <= 0 || height <= 0 {
			return 80, 24
		}
		return width, height
	}, true
}

// untilSignals returns a channel that is closed by the first SIGINT or SIGTERM,
// and a context that ends with the second. The third has its usual effect.
func untilSignals(parent context.Context) (ctx context.Context, stop <-chan struct{}, release func()) {
	ctx, cancel := context.WithCancel(parent)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	first := make(chan struct{})
	done := make(chan struct{})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		select {
		case <-signals:
			close(first)
		case <-done:
			return
		}
		select {
		case <-signals:
			signal.Stop(signals)
			cancel()
		case <-done:
		}
	}()
	return ctx, first, func() {
		close(done)
		<-ended
		signal.Stop(signals)
		cancel()
	}
}
