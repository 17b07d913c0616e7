package chassis

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// telemetryTimeout and closeTimeout are for what is left when all work is done.
const (
	telemetryTimeout = 5 * time.Second
	closeTimeout     = 5 * time.Second
)

// step is one part of stopping.
type step struct {
	name string
	run  func(context.Context) error
}

// stops lists what is done to stop, in the order in which it is done, and why
// there. Each step copes with what was never started.
func (p *process) stops() []step {
	return []step{
		// Load balancers look elsewhere before anything is refused.
		{"say not ready", p.sayNotReady},
		// Requests write to the outbox: they end before it is drained.
		{"stop HTTP", p.stopHTTP},
		// So do handlers: consuming ends and what is in hand is finished.
		{"stop consuming", p.stopConsuming},
		// Nobody writes any more: what is stored is published and confirmed.
		{"drain the outbox", p.drainOutbox},
		// Now nobody sends.
		{"close the transport", p.closeTransport},
		{"close the service", p.closeService},
		// The last spans are those of the steps above.
		{"flush telemetry", p.flushTelemetry},
		// Until here anything may still read from the database.
		{"close the database", p.closeDatabase},
	}
}

// stop runs every step, also where one fails, and returns their errors.
func (p *process) stop(ctx context.Context) error {
	p.log.InfoContext(ctx, "stopping", "service", p.spec.Name)
	var errs []error
	for _, s := range p.stops() {
		begin := time.Now()
		err := s.run(ctx)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", s.name, err))
		}
		p.log.DebugContext(ctx, "stopping", "step", s.name, "took", time.Since(begin), "error", err)
	}
	err := errors.Join(append(errs, p.lateFailures()...)...)
	if err == nil {
		p.log.InfoContext(ctx, "stopped", "service", p.spec.Name)
	} else {
		p.log.ErrorContext(ctx, "stopped, not cleanly", "service", p.spec.Name, "error", err)
	}
	return err
}

// lateFailures returns the errors of goroutines that ended while stopping.
func (p *process) lateFailures() []error {
	var errs []error
	for {
		select {
		case err := <-p.failed:
			errs = append(errs, err)
		default:
			return errs
		}
	}
}

func (p *process) sayNotReady(context.Context) error {
	served := p.health.enter(stopping) == serving
	if served && p.opts.ShutdownDelay > 0 {
		<-time.After(p.opts.ShutdownDelay)
	}
	return nil
}

func (p *process) stopHTTP(ctx context.Context) error {
	if p.server == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, p.opts.DrainTimeout/4)
	defer cancel()
	return p.server.stop(ctx)
}

func (p *process) stopConsuming(context.Context) error {
	p.consumers.stop() // bounded by the bus's own DrainTimeout
	return nil
}

func (p *process) drainOutbox(ctx context.Context) error {
	p.relay.stop() // bounded by the outbox's own DrainTimeout
	if p.outbox == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	stats, err := p.outbox.Stats(ctx)
	if err == nil && stats.Backlog > 0 {
		p.log.WarnContext(ctx, "events remain in the outbox; they are published when the service starts again",
			"events", stats.Backlog, "oldest", stats.Oldest)
	}
	return nil // a database that does not answer keeps them just as well
}

func (p *process) closeTransport(ctx context.Context) error {
	if p.opts.Transport != nil || p.transport == nil {
		return nil // it is the caller's, or was never opened
	}
	ctx, cancel := context.WithTimeout(ctx, closeTimeout)
	defer cancel()
	return p.transport.Close(ctx)
}

func (p *process) closeService(context.Context) error {
	if p.service.Close == nil {
		return nil
	}
	return p.service.Close()
}

func (p *process) flushTelemetry(ctx context.Context) error {
	if p.opts.flushTelemetry == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, telemetryTimeout)
	defer cancel()
	return p.opts.flushTelemetry(ctx)
}

func (p *process) closeDatabase(context.Context) error {
	if p.db == nil {
		return nil
	}
	return p.db.Close()
}
