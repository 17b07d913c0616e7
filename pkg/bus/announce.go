package bus

import (
	"context"
	"time"

	"github.com/laban-io/laban/pkg/event"
)

// AnnouncementType is the type of the event by which a service says in the log
// who it is. It goes into the log only; no service receives it.
const AnnouncementType = "laban.service.announced"

// Announcement is the data of such an event: what a running service listens
// to and emits, so that an observer can tell a wrong subscription before a
// flow stops at it.
type Announcement struct {
	Service  string `json:"service"`
	Version  string `json:"version,omitempty"`
	Instance string `json:"instance"`
	// Queue is the service's queue, Bindings what it asks for; both are empty
	// for a service that only publishes.
	Queue    string   `json:"queue,omitempty"`
	Bindings []string `json:"bindings,omitempty"`
	// Emits are the event types that the service declares to emit.
	Emits []string `json:"emits,omitempty"`
	// RetryLevels are the delays of its retries, in milliseconds.
	RetryLevels []int64 `json:"retry_levels_ms,omitempty"`
	// Started is when this instance was made.
	Started time.Time `json:"started"`
}

// announcement returns what b says of itself.
func (b *Bus) announcement() Announcement {
	a := Announcement{
		Service: b.cfg.Service, Version: b.cfg.Version, Instance: b.cfg.Instance,
		Emits: b.cfg.Emits, Started: b.started,
	}
	if keys := b.routes.keys; len(keys) > 0 {
		a.Queue, a.Bindings = b.cfg.Service, keys
		for _, level := range b.policy.levels {
			a.RetryLevels = append(a.RetryLevels, level.Milliseconds())
		}
	}
	return a
}

// announce puts the announcement into the log.
func (b *Bus) announce(ctx context.Context) error {
	e := event.New(AnnouncementType, b.announcement())
	e.ID, e.Source, e.Time, e.ServiceVersion = event.NewID(), b.cfg.Service, time.Now(), b.cfg.Version
	e.Subject = b.cfg.Service
	if err := e.Validate(); err != nil {
		return err
	}
	return b.transport.SendToLog(ctx, &Message{Event: e, RoutingKey: e.Type, Info: b.transport.Info()})
}

// announceLoop announces at each signal and every interval until ctx ends.
func (b *Bus) announceLoop(ctx context.Context, signal <-chan struct{}) {
	tick := time.NewTicker(b.cfg.AnnounceEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-signal:
		case <-tick.C:
		}
		announceCtx, cancel := context.WithTimeout(ctx, announceTimeout)
		if err := b.announce(announceCtx); err != nil && ctx.Err() == nil {
			b.cfg.Logger.WarnContext(ctx, "the service could not announce itself in the log; an observer may not know its version and bindings until it does",
				"error", err, "next_try", "at the next session, or after "+b.cfg.AnnounceEvery.String())
		}
		cancel()
	}
}

const announceTimeout = 30 * time.Second
