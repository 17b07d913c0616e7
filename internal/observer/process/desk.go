package process

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/laban-io/laban/internal/ledger"
	"github.com/laban-io/laban/internal/observer/api"
	"github.com/laban-io/laban/internal/observer/config"
	"github.com/laban-io/laban/internal/observer/explorer"
	"github.com/laban-io/laban/internal/observer/marker"
	"github.com/laban-io/laban/internal/parked"
	"github.com/laban-io/laban/pkg/amqpbus"
	"github.com/laban-io/laban/pkg/tracing"
)

// desk returns where people deal with parked messages by the pages; nil where
// the log is observed without its broker.
func (p *parts) desk(ctx context.Context, here *time.Location) (explorer.Desk, error) {
	store := p.opts.Parked
	if store == nil && p.opts.Log != nil {
		return nil, nil //nolint:nilnil // it has none
	}
	if store == nil {
		var err error
		if store, err = parkedAt(p.cfg); err != nil {
			return nil, err
		}
	}
	narrator, err := api.NewNarrator(api.Config{Reader: p.reader, Observer: p.observer, Location: here, Log: p.log})
	if err != nil {
		return nil, err
	}
	cfg := parked.Config{Store: store, Flows: flows{narrator}}
	if p.client != nil { // somebody collects traces
		telemetry, err := tracing.Start(ctx, tracing.Config{Service: marker.Service, Version: p.opts.Version, LogOutput: io.Discard, Local: true})
		if err != nil {
			return nil, err
		}
		p.closers = append(p.closers, func() error {
			ctx, cancel := context.WithTimeout(context.Background(), flushTimeout)
			defer cancel()
			_ = telemetry.Shutdown(ctx) // a span that can't be exported is no reason to fail
			return nil
		})
		cfg.Tracer = telemetry.TracerProvider.Tracer("github.com/laban-io/laban/internal/parked")
	}
	return parked.New(cfg)
}

// parkedAt returns the broker that the configuration names. It connects when
// somebody looks.
func parkedAt(cfg *config.Config) (parked.Store, error) {
	client := amqpbus.Config{URLs: cfg.AMQP, Name: "laban pages", Prefix: cfg.Prefix, ConnectTimeout: 5 * time.Second}
	if cfg.TLS != (config.TLS{}) {
		tls, err := amqpbus.LoadTLS(cfg.TLS.CA, cfg.TLS.Cert, cfg.TLS.Key)
		if err != nil {
			return nil, err
		}
		client.TLS = tls
	}
	return parked.NewAMQP(client, cfg.Log)
}

// flows tells a desk how far flows have come, as the observer's ledger has it.
type flows struct{ narrator *api.Narrator }

// Flow returns a flow, or nil where it is not known.
func (f flows) Flow(ctx context.Context, choreography, id string) (*api.Detail, error) {
	told, err := f.narrator.Flow(ctx, choreography, id)
	switch {
	case errors.Is(err, ledger.ErrNotFound):
		return nil, nil //nolint:nilnil // as parked.Flows says
	case err != nil:
		return nil, err
	default:
		return &told.Detail, nil
	}
}
