package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/laban-io/laban/internal/observer"
	"github.com/laban-io/laban/internal/observer/api"
	"github.com/laban-io/laban/internal/observer/client"
	"github.com/laban-io/laban/internal/observer/config"
	"github.com/laban-io/laban/internal/parked"
	"github.com/laban-io/laban/pkg/amqpbus"
	"github.com/laban-io/laban/pkg/tracing"
)

func parkedCommand(s streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "parked",
		Short: "See messages that services gave up on, and send them again",
		Long: `Deal with messages that no service will process any more:

  parked     a service failed to process it as often as it may, and has set it
             aside in its queue <service>.parked
  lost       the copy to be tried again or parked found no queue
  unrouted   no queue asked for the event

First list them, look at one, mend what made them fail, then redrive them. A
redriven message goes to the queue of its own service and to no other, with its
own id, as if it had never been tried.

` + aboutParked,
		Example: `  laban parked list
  laban parked show 01JH2T8Q7P9V0XKZ4M6N8R3S5T
  laban parked redrive --service payment --reason "the gateway is back"
  laban parked discard --id 01JH2T8Q7P9V0XKZ4M6N8R3S5T --reason "a test order"`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return cmd.Help()
			}
			return usageError(cmd, unknownCommand(cmd, args[0]))
		},
	}
	cmd.AddCommand(parkedListCommand(s), parkedShowCommand(s), parkedRedriveCommand(s), parkedDiscardCommand(s))
	return cmd
}

const aboutParked = `It works at the RabbitMQ at --amqp, or AMQP_URL, or that of the observer's
--config. How far flows have come it asks the observer at --observer, or
LABAN_OBSERVER; where that was started with a token, set LABAN_API_TOKEN to it.
A laban demo in memory has no RabbitMQ: its page of parked messages does the same.`

// parkedFlags are the flags of laban parked and its commands.
type parkedFlags struct {
	broker brokerFlags
	config string
	ask    askFlags

	kinds, services, types, ids []string
	err, since                  string
}

func (f *parkedFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	if cmd.Name() != "show" {
		flags.StringSliceVar(&f.services, "service", nil, "only messages of these services")
		flags.StringSliceVar(&f.types, "type", nil, "only events of these types")
		flags.StringSliceVar(&f.ids, "id", nil, "only messages with these ids, or of flows with these ids or keys")
		flags.StringVar(&f.err, "error", "", "only messages whose error has this `text` in it")
	}
	flags.StringSliceVar(&f.kinds, "kind", []string{"parked", "lost"}, "which messages: parked, lost, unrouted or all")
	flags.StringVar(&f.since, "since", "", "only messages set aside since a `time`: 15m, 24h, 7d ago, or 2026-01-02T15:04:05Z")
	f.broker.add(flags)
	flags.Lookup("amqp").Usage = "the `URL` of the RabbitMQ (AMQP_URL); AMQP_TLS_CA, AMQP_TLS_CERT and AMQP_TLS_KEY name PEM files for amqps://"
	flags.StringVarP(&f.config, "config", "c", "", "take the broker, and what to leave out of payloads, from this `file` of an observer")
	f.ask.add(flags)
	flags.SortFlags = false
	f.ask.complete(cmd)
	_ = cmd.RegisterFlagCompletionFunc("kind", cobra.FixedCompletions([]string{"parked", "lost", "unrouted", "all"}, cobra.ShellCompDirectiveNoFileComp)) // the flag is there
}

// bench is what a command works with.
type bench struct {
	desk   *parked.Desk
	flows  *observedFlows
	filter parked.Filter
	redact func([]byte) string
	close  func()
	tell   func(parked.Progress)
	clear  func()
}

// open reads the flags. Close the bench when done.
func (f *parkedFlags) open(cmd *cobra.Command, s streams) (*bench, error) {
	c, err := f.ask.client(cmd)
	if err != nil {
		return nil, err
	}
	b := &bench{flows: &observedFlows{client: c}, redact: observer.Redactor(nil)}
	if b.filter, err = f.filter(); err != nil {
		return nil, usageError(cmd, err)
	}
	cfg, log, err := f.amqp(cmd, b)
	if err != nil {
		return nil, err
	}
	store, err := parked.NewAMQP(cfg, log)
	if err != nil {
		return nil, err
	}
	telemetry, err := tracing.Start(cmd.Context(), tracing.Config{Service: "laban", Version: version(), LogOutput: s.err, Local: true})
	if err != nil {
		return nil, err
	}
	b.filter.Known = b.flows.services(cmd.Context())
	desk := parked.Config{Store: store, Tracer: telemetry.TracerProvider.Tracer("github.com/laban-io/laban/internal/parked")}
	if b.flows.err == nil {
		desk.Flows = b.flows
	}
	b.desk, err = parked.New(desk)
	p := &steps{out: s.err}
	_, p.live = terminal(s.err)
	b.tell, b.clear = p.show, p.clear
	b.close = func() {
		c.Close()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(cmd.Context()), 5*time.Second)
		defer cancel()
		_ = telemetry.Shutdown(ctx) // a trace that can't be exported is no reason to fail
	}
	return b, err
}

// amqp returns which broker, and the name of the observer's log.
func (f *parkedFlags) amqp(cmd *cobra.Command, b *bench) (amqpbus.Config, string, error) {
	tls := config.TLS{CA: os.Getenv("AMQP_TLS_CA"), Cert: os.Getenv("AMQP_TLS_CERT"), Key: os.Getenv("AMQP_TLS_KEY")}
	cfg := amqpbus.Config{Prefix: f.broker.prefix, Name: "laban parked"}
	log := ""
	if f.broker.url != "" {
		cfg.URLs = []string{f.broker.url}
	}
	if f.config != "" {
		own, err := config.Load(f.config, os.LookupEnv)
		if err == nil {
			err = own.Validate()
		}
		if err != nil {
			return cfg, "", &statusError{2, fmt.Errorf("%s: %w", f.config, err)}
		}
		b.redact, log = observer.Redactor(own.Payloads.Redact), own.Log
		if !cmd.Flags().Changed("amqp") {
			cfg.URLs = own.AMQP
		}
		if !cmd.Flags().Changed("prefix") {
			cfg.Prefix = own.Prefix
		}
		if own.TLS != (config.TLS{}) {
			tls = own.TLS
		}
	}
	if len(cfg.URLs) == 0 {
		return cfg, "", usageError(cmd, errors.New("which broker? give --amqp amqp://user:password@host/, AMQP_URL or --config observer.yaml"))
	}
	var err error
	if cfg.TLS, err = amqpbus.LoadTLS(tls.CA, tls.Cert, tls.Key); err != nil {
		return cfg, "", fmt.Errorf("AMQP_TLS_…: %w", err)
	}
	return cfg, log, nil
}

func (f *parkedFlags) filter() (parked.Filter, error) {
	filter := parked.Filter{Services: f.services, Types: f.types, IDs: f.ids, Error: f.err}
	for _, name := range f.kinds {
		if name == "all" {
			filter.Kinds = parked.Kinds()
			break
		}
		kind, err := parked.ParseKind(name)
		if err != nil {
			return filter, fmt.Errorf("--kind: %w", err)
		}
		filter.Kinds = append(filter.Kinds, kind)
	}
	if f.since != "" {
		var ok bool
		if filter.Since, ok = api.ParseSince(f.since, time.Now()); !ok {
			return filter, fmt.Errorf("--since is %q; write it like 15m, 24h, 7d or 2026-01-02T15:04:05Z", f.since)
		}
	}
	return filter, nil
}

// observedFlows asks an observer how far flows have come.
type observedFlows struct {
	client *client.Client
	err    error // why it can't be asked
	blind  string
}

// services are those that the observer knows, none where it can't be asked.
func (o *observedFlows) services(ctx context.Context) []string {
	var status observer.Status
	if status, o.err = o.client.Status(ctx); o.err != nil {
		return nil
	}
	if status.Blind != observer.NotBlind {
		o.blind = string(status.Blind)
	}
	var names []string
	for i := range status.Services {
		names = append(names, cmp.Or(status.Services[i].Queue, status.Services[i].Name))
	}
	return names
}

// Flow asks for a flow.
func (o *observedFlows) Flow(ctx context.Context, choreography, id string) (*api.Detail, error) {
	d, err := o.client.Flow(ctx, choreography, id)
	var refusal *client.Refusal
	if errors.As(err, &refusal) && refusal.Status == 404 {
		return nil, nil //nolint:nilnil // it is not known
	}
	if err != nil {
		return nil, err
	}
	return &d, nil
}

// steps tells how far something is that takes long.
type steps struct {
	out   io.Writer
	since time.Time // when it began
	live  bool
	last  time.Time
	drawn bool
}

func (p *steps) show(x parked.Progress) {
	now := time.Now()
	if p.since.IsZero() {
		p.since = now
	}
	if now.Sub(p.since) < progressAfter {
		return
	}
	text := fmt.Sprintf("%s: %d", x.Doing, x.Done)
	if x.Total > 0 {
		text += fmt.Sprintf(" of %d", x.Total)
	}
	switch {
	case p.live:
		p.drawn = true
		fmt.Fprintf(p.out, "\r%s\x1b[K", text)
	case now.Sub(p.last) >= barEvery:
		p.last = now
		fmt.Fprintln(p.out, text)
	}
}

func (p *steps) clear() {
	if p.drawn {
		fmt.Fprint(p.out, "\r\x1b[K")
		p.drawn = false
	}
}
