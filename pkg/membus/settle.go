package membus

import (
	"context"
	"fmt"

	"github.com/laban-io/laban/pkg/bus"
)

// Settle carries out a verdict, see [bus.Settler]. The copy and the end of the
// original are one step.
func (d *delivery) Settle(ctx context.Context, _ *bus.Delivery, v bus.Verdict) error {
	b := d.session.consumer.transport.broker
	switch v.Action {
	case bus.Ack, bus.Discard:
		b.mu.Lock()
		defer b.mu.Unlock()
		if !d.take() {
			return bus.ErrSessionLost
		}
		return nil
	case bus.Requeue:
		b.mu.Lock()
		defer b.mu.Unlock()
		if !d.take() {
			return bus.ErrSessionLost
		}
		d.session.queue.putBack(d.entry)
		return nil
	case bus.RetryLater:
		return b.fail(ctx, d, v, d.entry.attempt+1, bus.RecordRetry)
	case bus.Park:
		return b.fail(ctx, d, v, d.entry.attempt, bus.RecordDead)
	default:
		return fmt.Errorf("settle: unknown verdict %v", v.Action)
	}
}

// fail replaces d by a copy that waits or is parked.
func (b *Broker) fail(ctx context.Context, d *delivery, v bus.Verdict, attempt int, kind bus.RecordKind) error {
	service, text := d.session.queue.name, v.ErrorText()
	c := d.entry.failed(service, attempt, text)
	b.mu.Lock()
	defer b.mu.Unlock()
	err := b.await(ctx, func() error { return b.refusedCopy(d, v, kind) })
	if err != nil {
		return err
	}
	d.take()
	b.log.add(record{message: c, kind: kind, service: service, attempt: attempt, err: text})
	switch kind {
	case bus.RecordRetry:
		if r := b.retries[d.retryKey(v)]; r != nil {
			b.delay(r, c, attempt)
			return nil
		}
	default:
		if parked := b.parked[service]; parked != nil {
			parked.put(c, b.log.next()-1)
			return nil
		}
	}
	b.lost.put(c, b.log.next()-1)
	return nil
}

// refusedCopy tells why the copy of d can't be taken now, or nil, with b.mu
// held.
func (b *Broker) refusedCopy(d *delivery, v bus.Verdict, kind bus.RecordKind) error {
	if d.slot < 0 {
		return bus.ErrSessionLost
	}
	if err := b.refused(d.session.consumer.transport); err != nil {
		return err
	}
	service := d.session.queue.name
	if r := b.retries[d.retryKey(v)]; kind == bus.RecordRetry && r != nil {
		if r.full() {
			return b.fullQueue(service + ".retry." + r.key.level.String())
		}
		return nil
	}
	if parked := b.parked[service]; kind == bus.RecordDead && parked != nil {
		if parked.full() {
			return b.fullQueue(service + ".parked")
		}
		return nil
	}
	if b.lost.full() {
		return b.fullQueue("events.lost")
	}
	return nil
}

// retryKey names the queue that v sends d to.
func (d *delivery) retryKey(v bus.Verdict) retryKey {
	levels := d.session.consumer.sub.RetryLevels
	if v.Level < 0 || v.Level >= len(levels) {
		return retryKey{} // which no service has: the copy is kept with the lost
	}
	return retryKey{d.session.queue.name, levels[v.Level]}
}
