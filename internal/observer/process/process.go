package process

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/laban-io/laban/internal/ledger"
	"github.com/laban-io/laban/internal/observer"
	"github.com/laban-io/laban/internal/observer/api"
	"github.com/laban-io/laban/internal/observer/config"
	"github.com/laban-io/laban/internal/observer/explorer"
	"github.com/laban-io/laban/internal/observer/marker"
	"github.com/laban-io/laban/internal/observer/metrics"
	"github.com/laban-io/laban/internal/observer/source"
	"github.com/laban-io/laban/internal/parked"
	"github.com/laban-io/laban/pkg/choreography"
	"github.com/laban-io/laban/pkg/flow"
)

// Options are what an observer is run with beside its configuration.
type Options struct {
	Version string
	// Token is what clients of the API must know; see [api.TokenVariable].
	Token  string
	Logger *slog.Logger
	// Listener, where set, is where HTTP is served instead of Config.Listen.
	// Run closes it.
	Listener net.Listener
	// Ready, where set, is called once with the address of the API.
	Ready func(address string)
	// Log, where set, is observed instead of the broker that the configuration
	// names, and Parked is where messages wait there.
	Log    source.Log
	Parked parked.Store
	// Contracts are in force beside those of the configuration's files.
	Contracts []*choreography.Choreography
	// ReplacesLog is the id of a log that the ledger may be of, whose place this
	// one took; see [observer.Config].
	ReplacesLog string
	// Observing, where set, is called with the observer before it begins.
	Observing func(*observer.Observer)
}

// open returns the log to observe, and what there is to say of it.
func (o *Options) open(cfg *config.Config, log *slog.Logger) (source.Log, []string, error) {
	if o.Log != nil {
		return o.Log, nil, nil
	}
	if err := cfg.Validate(); err != nil {
		return nil, nil, err
	}
	opened, err := source.Open(cfg, log)
	return opened, source.Advice(cfg), err
}

// parts are what a process consists of.
type parts struct {
	cfg      *config.Config
	opts     Options
	log      *slog.Logger
	ledger   *ledger.Ledger // nil: none
	reader   explorer.Reader
	markers  *marker.Exporter
	client   marker.Client
	observer *observer.Observer
	registry *prometheus.Registry
	closers  []func() error
}

// Run observes until ctx ends.
func Run(ctx context.Context, cfg *config.Config, opts Options) (err error) {
	p := &parts{cfg: cfg, opts: opts, log: opts.Logger}
	if p.log == nil {
		p.log = slog.Default()
	}
	defer func() { err = errors.Join(err, p.close()) }()
	if err := p.open(ctx); err != nil {
		if opts.Listener != nil {
			err = errors.Join(err, opts.Listener.Close())
		}
		return err
	}
	listener := opts.Listener
	if listener == nil {
		if listener, err = api.Listen(ctx, cfg.Listen, opts.Token); err != nil {
			return err
		}
	}
	here := time.Local //nolint:gosmopolitan // people read it where it runs
	desk, err := p.desk(ctx, here)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	pages, err := explorer.New(explorer.Config{
		Reader: p.reader, Observer: p.observer, Location: here, Login: opts.Token != "", Log: p.log,
		Links: explorer.Links{Jaeger: cfg.Links.Jaeger, Grafana: cfg.Links.Grafana},
		Desk:  desk, Redact: observer.Redactor(cfg.Payloads.Redact),
	})
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	defer pages.Close()
	served, err := api.New(api.Config{
		Reader: p.reader, Observer: p.observer, Token: opts.Token, Log: p.log, Location: here, Pages: pages,
		Metrics: promhttp.HandlerFor(p.registry, promhttp.HandlerOpts{EnableOpenMetrics: true, Timeout: 10 * time.Second, MaxRequestsInFlight: 4}),
	})
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	return p.run(ctx, served, listener)
}

// run runs the parts and stops them in order: what observes first, then what
// tells of it.
func (p *parts) run(ctx context.Context, served *api.API, listener net.Listener) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	telling, stopTelling := context.WithCancel(context.WithoutCancel(ctx))
	defer stopTelling()
	var works sync.WaitGroup
	errs := make(chan error, 2)
	works.Go(func() {
		err := served.Serve(telling, listener)
		if err != nil && telling.Err() == nil {
			cancel(err)
		}
		errs <- err
	})
	works.Go(func() { errs <- p.markers.Run(telling) })
	p.log.InfoContext(ctx, "listening", "address", "http://"+listener.Addr().String())
	if p.opts.Ready != nil {
		p.opts.Ready(listener.Addr().String())
	}
	if p.opts.Observing != nil {
		p.opts.Observing(p.observer)
	}
	err := p.observer.Run(ctx)
	if cause := context.Cause(ctx); err == nil && cause != nil && !errors.Is(cause, context.Canceled) {
		err = cause
	}
	p.flushMarkers(ctx)
	served.Stop()
	stopTelling()
	works.Wait()
	return errors.Join(err, <-errs, <-errs)
}

// flushTimeout bounds how long the last markers may take; what is left waits in
// the ledger for the next start.
const flushTimeout = 3 * time.Second

func (p *parts) flushMarkers(ctx context.Context) {
	if p.client == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTimeout)
	defer cancel()
	if err := p.markers.Flush(ctx); err != nil {
		p.log.WarnContext(ctx, "some markers wait in the ledger for the next start", "error", err)
	}
}

func (p *parts) close() error {
	var errs []error
	for i := len(p.closers) - 1; i >= 0; i-- {
		errs = append(errs, p.closers[i]())
	}
	return errors.Join(errs...)
}

// open opens all that the configuration names.
func (p *parts) open(ctx context.Context) error {
	log, warnings, err := p.opts.open(p.cfg, p.log)
	if err != nil {
		return err
	}
	contracts, err := p.cfg.ReadContracts()
	if err != nil {
		return err
	}
	contracts = append(contracts, p.opts.Contracts...)
	if err := p.openMarkers(ctx); err != nil {
		return err
	}
	if err := p.openLedger(ctx); err != nil {
		return err
	}
	if len(contracts) == 0 {
		warnings = append(warnings, "no contracts: events are counted, and no flow is known; laban learn drafts one")
	}
	for _, w := range warnings {
		p.log.WarnContext(ctx, "about the set-up", "note", w)
	}
	counter := metrics.New(p.metricsConfig())
	p.registry = prometheus.NewRegistry()
	p.registry.MustRegister(counter, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	cfg := observer.Config{
		Log: log, Ledger: p.ledger, Contracts: contracts, Mapping: p.cfg.Mapping(), Queues: p.cfg.Queues,
		FromEnd: p.cfg.From == "next", ReplacesLog: p.opts.ReplacesLog, Retention: p.cfg.Retention.Finished,
		KeepPayloads: p.cfg.Payloads.Keep, Redact: p.cfg.Payloads.Redact,
		Counter: counter, Warnings: warnings, Version: p.opts.Version, Logger: p.log,
	}
	if p.ledger != nil {
		cfg.Marker, cfg.Committed = marker.From, p.markers.Wake
	}
	p.observer, err = observer.New(cfg)
	return err
}

// metricsConfig asks the observer, which is made after its metrics.
func (p *parts) metricsConfig() metrics.Config {
	var reasons []string
	for _, r := range observer.BlindReasons() {
		reasons = append(reasons, string(r))
	}
	return metrics.Config{
		Survey: func() flow.Survey { return p.observer.Survey() },
		Live: func() metrics.Live {
			s := p.observer.Status()
			live := metrics.Live{Lag: s.Log.Lag, LastPulse: s.Log.LastPulse, Blind: string(s.Blind), Markers: p.markers.Stats()}
			for i := range s.Services {
				live.Clocks = append(live.Clocks, flow.Clock{Service: s.Services[i].Name, Offset: s.Services[i].ClockOffset})
			}
			return live
		},
		BlindReasons: reasons, MalformedReasons: source.MalformedReasons(),
	}
}

func (p *parts) openLedger(ctx context.Context) error {
	url, volatile := p.cfg.Ledger, false
	if url == config.NoLedger {
		// The API answers from a ledger that stays empty.
		url, volatile = "sqlite::memory:", true
	}
	l, err := ledger.Open(ctx, url, ledger.Config{Volatile: volatile})
	if err != nil {
		return err
	}
	p.closers = append(p.closers, l.Close)
	p.reader = l
	if !volatile {
		p.ledger = l
	}
	p.markers = marker.New(marker.Config{Pending: l, Client: p.client, Logger: p.log})
	return nil
}

// openMarkers connects to the collector that the environment names, if any.
func (p *parts) openMarkers(ctx context.Context) error {
	client, wanted, err := marker.Dial(ctx)
	if err != nil || !wanted {
		return err
	}
	p.client = client
	p.closers = append(p.closers, func() error {
		ctx, cancel := context.WithTimeout(context.Background(), flushTimeout)
		defer cancel()
		return client.Stop(ctx)
	})
	return nil
}

// TokenFromEnvironment returns the API's token.
func TokenFromEnvironment() string { return os.Getenv(api.TokenVariable) }
