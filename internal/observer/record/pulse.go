package record

import (
	"fmt"
	"time"

	"github.com/laban-io/laban/pkg/flow"
)

// Pulse is an observer's tick in the log, by which alone log time advances.
type Pulse struct {
	// Time is log time: never before that of an earlier pulse.
	Time time.Time `json:"time"`
	// Log is the id of the log as the observer knows it, empty before it does.
	Log string `json:"log,omitempty"`
	// Observer is the process that wrote it: two ledgers, or one that was made
	// anew, may have the same epochs.
	Observer string `json:"observer,omitempty"`
	// Epoch and Sequence are the observer's term and the number of the pulse
	// in it.
	Epoch    int64  `json:"epoch"`
	Sequence uint64 `json:"sequence"`
	// Contracts are the hashes of those in force, by name: whoever reads the log
	// from here on learns by which contracts what comes before the first
	// statement was judged. Some pulses tell.
	Contracts map[string]string `json:"contracts,omitempty"`
	// Queues are the queues that look otherwise than in the pulse before.
	Queues []Queue `json:"queues,omitempty"`
}

// Queue is what was seen of a service's queue.
type Queue struct {
	Service   string `json:"service"`
	Queue     string `json:"queue"`
	Assumed   bool   `json:"assumed,omitempty"` // by its name only
	Missing   bool   `json:"missing,omitempty"`
	Hidden    bool   `json:"hidden,omitempty"` // there is one, and it can't be looked at
	Ready     int64  `json:"ready"`
	Unacked   int64  `json:"unacked"` // -1: can't be seen
	Consumers int64  `json:"consumers"`
	// Counted is the log time that Unacked is of, or later than, where that is
	// before the pulse's.
	Counted time.Time `json:"counted,omitzero"`
	// Bindings are the keys that the queue is bound by, null where unknown.
	Bindings []string `json:"bindings"`
}

// Type is [PulseType].
func (Pulse) Type() string { return PulseType }

func (p Pulse) check() error {
	if err := sane("time", p.Time); err != nil {
		return err
	}
	if len(p.Queues) > maxQueues {
		return fmt.Errorf("%d queues, at most %d are allowed", len(p.Queues), maxQueues)
	}
	for i := range p.Queues {
		q := &p.Queues[i]
		if err := short(maxName, "service", q.Service, "queue", q.Queue); err != nil {
			return err
		}
		if len(q.Bindings) > maxBindings {
			return fmt.Errorf("queue %s has %d bindings, at most %d are allowed", clip(q.Queue), len(q.Bindings), maxBindings)
		}
		if !q.Counted.IsZero() {
			if err := sane("counted", q.Counted); err != nil {
				return err
			}
		}
		if q.Service == "" || q.Ready < 0 || q.Unacked < -1 || q.Consumers < 0 {
			return fmt.Errorf("queue %s has no service or a negative figure", clip(q.Queue))
		}
	}
	if len(p.Contracts) > maxInForce {
		return fmt.Errorf("%d contracts, at most %d are allowed", len(p.Contracts), maxInForce)
	}
	for name, hash := range p.Contracts {
		if err := short(maxName, "contract", name, "hash", hash); err != nil {
			return err
		}
	}
	return short(maxName, "log", p.Log, "observer", p.Observer)
}

// Seen returns the queues as the tracker takes them.
func (p *Pulse) Seen() []flow.QueueSeen {
	if len(p.Queues) == 0 {
		return nil
	}
	seen := make([]flow.QueueSeen, len(p.Queues))
	for i, q := range p.Queues {
		seen[i] = flow.QueueSeen{
			Service: q.Service, Queue: q.Queue, Assumed: q.Assumed, Missing: q.Missing, Hidden: q.Hidden,
			Ready: q.Ready, Unacked: q.Unacked, Consumers: q.Consumers, Counted: q.Counted, Bindings: q.Bindings, BindingsKnown: q.Bindings != nil,
		}
	}
	return seen
}

// QueueOf returns a queue as it travels.
func QueueOf(q *flow.QueueSeen) Queue {
	r := Queue{
		Service: q.Service, Queue: q.Queue, Assumed: q.Assumed, Missing: q.Missing, Hidden: q.Hidden,
		Ready: q.Ready, Unacked: q.Unacked, Consumers: q.Consumers, Counted: q.Counted,
	}
	if q.BindingsKnown {
		r.Bindings = append([]string{}, q.Bindings[:min(len(q.Bindings), maxBindings)]...)
	}
	return r
}
