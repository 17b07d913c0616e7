package parked

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/laban-io/laban/pkg/amqpbus"
)

// Windows of the log that are read, one after the other, until as many messages
// were found as the queues hold.
func windows(f *Filter) []time.Duration {
	const day, all = 24 * time.Hour, 0
	switch {
	case !f.Since.IsZero():
		return []time.Duration{max(time.Since(f.Since), time.Second)}
	case among(Unrouted, f.kinds()):
		return []time.Duration{day, all} // nothing tells how many there are
	}
	return []time.Duration{time.Hour, day, all}
}

// maxContent bounds the content that a scan holds, in bytes.
const maxContent = 64 << 20

// Scan finds what waits; see [Store]. Parked messages are found in the log,
// where each has left a copy: those that were not redriven or discarded since.
// A window of the log is read, and a longer one where the queues hold more than
// was found.
func (a *AMQP) Scan(ctx context.Context, f Filter, told func(Progress)) (catch *Catch, err error) {
	err = a.sessions.Once(ctx, "reader", func(ctx context.Context, conn *amqp.Connection) error {
		catch, err = a.scan(ctx, conn, f, told)
		return err
	})
	return catch, err
}

func (a *AMQP) scan(ctx context.Context, conn *amqp.Connection, f Filter, told func(Progress)) (*Catch, error) {
	_, there, err := look(conn, a.log)
	switch {
	case err != nil:
		return nil, err
	case !there:
		return nil, fmt.Errorf("there is no log %s: no service on Laban's bus ever ran in this virtual host, or its exchanges have another prefix (--prefix)", a.log)
	}
	end, err := a.end(ctx, conn, a.log)
	if err != nil {
		return nil, err
	}
	var t *tally
	var depths []Depth
	first := uint64(math.MaxUint64)
	for _, window := range windows(&f) {
		began, err := a.first(ctx, conn, begin(window), end)
		if err != nil {
			return nil, err
		}
		if t != nil && began >= first {
			break // the log goes no further back
		}
		first = began
		t = newTally(f)
		t.window = window
		if err := a.strays(ctx, conn, t, window, told); err != nil {
			return nil, err
		}
		err = a.read(ctx, conn, a.log, begin(window), end, told, func(d *amqp.Delivery) error { t.record(a, d); return nil })
		if err != nil {
			return nil, err
		}
		if depths, err = a.depths(conn, t.servicesWith(f.Services)); err != nil {
			return nil, err
		}
		// What was set aside meanwhile counts, and was not read.
		if !t.complete(depths) {
			if end, err = a.readOn(ctx, conn, t, end); err != nil {
				return nil, err
			}
		}
		if t.complete(depths) {
			break
		}
	}
	c := t.catch(depths)
	c.End = Place{a.log, end}
	return c, nil
}

// first returns the offset at which a window begins.
func (a *AMQP) first(ctx context.Context, conn *amqp.Connection, from any, end uint64) (uint64, error) {
	first := end
	err := a.read(ctx, conn, a.log, from, end, nil, func(d *amqp.Delivery) error {
		first = amqpbus.Offset(d)
		return errEnough
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return first, err
}

// readOn reads what was added to the log after a place. It returns the new end.
func (a *AMQP) readOn(ctx context.Context, conn *amqp.Connection, t *tally, from uint64) (uint64, error) {
	end, err := a.end(ctx, conn, a.log)
	if err != nil {
		return 0, err
	}
	err = a.read(ctx, conn, a.log, int64(from), end, nil, func(d *amqp.Delivery) error { t.record(a, d); return nil }) //nolint:gosec // an offset of a stream
	return max(end, from), err
}

// begin is where to begin in a stream for a window, 0 being all of it.
func begin(window time.Duration) any {
	if window == 0 {
		return "first"
	}
	return time.Now().Add(-window)
}

// depths returns how many messages wait in the boxes of services, and in that
// of the lost ones.
func (a *AMQP) depths(conn *amqp.Connection, services []string) ([]Depth, error) {
	var all []Depth
	boxes := []Depth{{Kind: Lost, Queue: a.names.LostBox}}
	for _, s := range services {
		boxes = append(boxes, Depth{Kind: Parked, Service: s, Queue: amqpbus.ParkedQueue(s)})
	}
	for _, b := range boxes {
		n, there, err := look(conn, b.Queue)
		if err != nil {
			return nil, err
		}
		if b.Count = n; there {
			all = append(all, b)
		}
	}
	return all, nil
}

// strays adds what the streams of lost and unrouted messages have.
func (a *AMQP) strays(ctx context.Context, conn *amqp.Connection, t *tally, window time.Duration, told func(Progress)) error {
	for _, box := range []struct {
		kind   Kind
		stream string
	}{{Lost, a.names.LostBox + ".log"}, {Unrouted, a.names.Unrouted}} {
		if box.kind != Lost && !among(box.kind, t.filter.kinds()) {
			continue // what was lost is also not parked
		}
		_, there, err := look(conn, box.stream)
		if err != nil {
			return err
		}
		if !there {
			continue
		}
		t.streams[box.kind] = true
		end, err := a.end(ctx, conn, box.stream)
		if err != nil {
			return err
		}
		err = a.read(ctx, conn, box.stream, begin(window), end, told, func(d *amqp.Delivery) error {
			m := a.message(box.kind, d)
			m.Place = Place{box.stream, amqpbus.Offset(d)}
			if box.kind == Lost && d.Exchange == a.names.Dead {
				ref := m.Ref()
				ref.Kind = Parked
				t.astray[ref]++
			}
			t.waits(&m)
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
