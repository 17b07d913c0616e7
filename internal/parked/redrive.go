package parked

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/laban-io/laban/internal/observer/record"
)

// Order is what is to be done with messages.
type Order struct {
	// Messages are those that are meant, from a [Listing] or a [Preview].
	Messages []Message
	// Log and Finished are the listing's that they come from.
	Log      Place
	Finished map[Ref]int
	// By and Reason say who wants it, and why. Discarding needs a reason.
	By, Reason string
	// Rate is how many messages are sent in a second, at most. Default: 10.
	Rate float64
	// Told, where set, is called for each message that was dealt with.
	Told func(Progress)
}

// Report is what was done.
type Report struct {
	// Done were sent again, or discarded.
	Done []Message `json:"done"`
	// Finished is how many an earlier run had dealt with, which was cut off before
	// it could remove them. They are removed now.
	Finished int `json:"finished"`
	// Gone were not there any more: somebody else was faster.
	Gone []Message `json:"gone"`
}

// DefaultRate is how many messages are sent in a second, at most.
const DefaultRate = 10

// Redrive sends messages again: each to its own service's queue and to no other,
// with its own id and as it was before its first attempt. What was done until an
// error is in the report. A run that was cut off can be repeated: nothing that
// was sent is sent again (see the package comment for the one exception).
func (d *Desk) Redrive(ctx context.Context, o Order) (Report, error) {
	return d.run(ctx, &o, "redriving", func(ctx context.Context, s Session, m *Message) error {
		mark, end := d.mark(ctx, m, &o)
		err := s.Send(ctx, mark)
		end(err)
		return err
	})
}

// Discard removes messages for good, and writes into the log who did so and why.
func (d *Desk) Discard(ctx context.Context, o Order) (Report, error) {
	if o.Reason == "" {
		return Report{}, errors.New("discard: say why, for those who read the log later")
	}
	return d.run(ctx, &o, "discarding", func(ctx context.Context, s Session, m *Message) error {
		return s.Note(ctx, record.Redriven{
			EventID: m.ID, EventSource: m.Source, EventType: m.Type, FlowName: m.FlowName, FlowID: m.FlowID, Key: m.Key,
			Service: m.Service, Kind: string(m.Kind), Before: m.Before, Discarded: true, Reason: o.Reason, By: o.By,
		})
	})
}

// run is one redrive or discard.
type run struct {
	desk   *Desk
	order  *Order
	doing  string
	deal   func(context.Context, Session, *Message) error
	report Report
	next   time.Time // when the next message may be dealt with
}

func (d *Desk) run(ctx context.Context, o *Order, doing string, deal func(context.Context, Session, *Message) error) (Report, error) {
	if o.Rate <= 0 {
		o.Rate = DefaultRate
	}
	r := &run{desk: d, order: o, doing: doing, deal: deal}
	for _, b := range boxesOf(o.Messages) {
		if err := r.box(ctx, b.box, b.messages); err != nil {
			return r.report, fmt.Errorf("%s: %w", doing, err)
		}
	}
	return r.report, nil
}

type boxOf struct {
	box      Box
	messages []Message
}

// boxesOf sorts messages by the boxes that they are in.
func boxesOf(messages []Message) []boxOf {
	var all []boxOf
	index := map[string]int{}
	for i := range messages {
		m := &messages[i]
		key := string(m.Kind) + " " + service(m)
		n, known := index[key]
		if !known {
			n = len(all)
			index[key] = n
			all = append(all, boxOf{box: Box{Kind: m.Kind, Service: service(m)}})
		}
		b := &all[n]
		b.messages = append(b.messages, *m)
		if m.Kind == Unrouted {
			b.box.Places = append(b.box.Places, m.Place)
		}
	}
	return all
}

// walkOn is how many messages of a box are looked at after the last one that is
// wanted, for what a run that was cut off has left behind.
const walkOn = 1000

// box deals with the messages of one box.
func (r *run) box(ctx context.Context, box Box, messages []Message) (err error) {
	s, err := r.desk.store.Open(ctx, box)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	finished := map[Ref]int{}
	for ref, n := range r.order.Finished {
		finished[ref] = n
	}
	wanted := map[Ref][]Message{}
	left := len(messages)
	for i := range messages {
		ref := messages[i].Ref()
		wanted[ref] = append(wanted[ref], messages[i])
	}
	// What somebody else has done since it was looked at.
	since, err := s.Marks(ctx, r.order.Log)
	if err != nil {
		return err
	}
	for ref, n := range since {
		finished[ref] += n
		gone := min(n, len(wanted[ref]))
		r.report.Gone = append(r.report.Gone, wanted[ref][:gone]...)
		wanted[ref] = wanted[ref][gone:]
		left -= gone
	}
	for seen := 0; (left > 0 || seen < walkOn) && seen < s.Waiting()+walkOn; seen++ {
		m, err := s.Next(ctx)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		ref := m.Ref()
		switch {
		case len(wanted[ref]) > 0:
			if err := r.pause(ctx); err != nil {
				return err
			}
			if err := r.deal(ctx, s, m); err != nil {
				return err
			}
			if err := s.Remove(ctx); err != nil {
				return err
			}
			r.report.Done = append(r.report.Done, wanted[ref][0])
			wanted[ref] = wanted[ref][1:]
			left--
			r.told()
		case finished[ref] > 0:
			if err := s.Remove(ctx); err != nil {
				return err
			}
			finished[ref]--
			r.report.Finished++
		default:
			s.Keep()
		}
	}
	for _, gone := range wanted {
		r.report.Gone = append(r.report.Gone, gone...)
	}
	return nil
}

// pause holds the rate.
func (r *run) pause(ctx context.Context) error {
	now := time.Now()
	if wait := r.next.Sub(now); wait > 0 {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(wait):
		}
		now = r.next
	}
	r.next = now.Add(time.Duration(float64(time.Second) / r.order.Rate))
	return nil
}

func (r *run) told() {
	if r.order.Told != nil {
		r.order.Told(Progress{Doing: r.doing, Done: uint64(len(r.report.Done)), Total: uint64(len(r.order.Messages))})
	}
}
