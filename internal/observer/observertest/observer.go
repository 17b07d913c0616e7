package observertest

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/laban-io/laban/internal/observer"
	"github.com/laban-io/laban/pkg/choreography"
	"github.com/laban-io/laban/pkg/flow"
)

const logID = "log-1"

// Observer answers what an observer is asked as the test says. It may be asked
// from any goroutine.
type Observer struct {
	mu          sync.Mutex
	now         time.Time
	status      observer.Status
	contracts   []*choreography.Choreography
	subscribers []chan flow.Transition
	flood       bool
	closings    []flow.Closing
	refusal     error
}

func newObserver(epoch int64) *Observer {
	return &Observer{now: Began(), status: observer.Status{
		Role: observer.Active, Version: "1.0.0", Started: Began().Add(-time.Hour),
		Log:       observer.LogStatus{ID: logID, Stream: "events.log", Epoch: epoch},
		Services:  []observer.ServiceStatus{{Name: "payment", Queue: "payment", Announced: true, QueueSeen: true, Unacked: -1}},
		Evidence:  []observer.EvidenceStatus{{Source: "queues", Available: true}},
		Unclaimed: map[string]uint64{}, Malformed: map[string]uint64{},
	}}
}

// Now is the log's time.
func (o *Observer) Now() time.Time {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.now
}

// Advance advances the log's time, without a pulse.
func (o *Observer) Advance(d time.Duration) time.Time {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.now = o.now.Add(d)
	return o.now
}

// Set changes the status.
func (o *Observer) Set(change func(*observer.Status)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	change(&o.status)
}

// Status is what was set; the log was read, and pulsed, just now.
func (o *Observer) Status() observer.Status {
	o.mu.Lock()
	defer o.mu.Unlock()
	s := o.status
	s.Log.Time, s.Log.LastPulse = o.now, o.now
	s.Services, s.Evidence = slices.Clone(s.Services), slices.Clone(s.Evidence)
	s.Unclaimed, s.Malformed = maps.Clone(s.Unclaimed), maps.Clone(s.Malformed)
	return s
}

func (o *Observer) committed(offset uint64, live int) {
	o.Set(func(s *observer.Status) { s.Log.Offset, s.Log.Committed, s.Flows = offset, offset, live })
}

func (o *Observer) knows(c *choreography.Choreography) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.contracts = slices.DeleteFunc(o.contracts, func(known *choreography.Choreography) bool { return known.Name == c.Name })
	o.contracts = append(o.contracts, c)
}

// Contracts are those in force.
func (o *Observer) Contracts() []*choreography.Choreography {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.contracts)
}

// Subscribe tells of transitions until the returned function is called.
func (o *Observer) Subscribe(n int) (<-chan flow.Transition, func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	c := make(chan flow.Transition, n)
	for o.flood && len(c) < cap(c) {
		c <- flow.Transition{Choreography: "other"}
	}
	o.subscribers = append(o.subscribers, c)
	return c, func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.subscribers = slices.DeleteFunc(o.subscribers, func(s chan flow.Transition) bool { return s == c })
	}
}

// Flood has more come to those who subscribe from now on than they could take
// before they read any.
func (o *Observer) Flood() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.flood = true
}

func (o *Observer) tell(transitions []flow.Transition) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, t := range transitions {
		for _, s := range o.subscribers {
			select {
			case s <- t:
			default:
			}
		}
	}
}

// Cut closes the channels of all subscribers, as an observer does when it stops,
// and with those that are too slow.
func (o *Observer) Cut() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, s := range o.subscribers {
		close(s)
	}
	o.subscribers = nil
}

// Following is how many subscribers there are.
func (o *Observer) Following() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.subscribers)
}

// CloseFlow notes that a flow is to be closed, or refuses.
func (o *Observer) CloseFlow(_ context.Context, name, id, reason, by string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.refusal != nil {
		return o.refusal
	}
	o.closings = append(o.closings, flow.Closing{Choreography: name, FlowID: id, Reason: reason, By: by})
	return nil
}

// Refuse has CloseFlow fail.
func (o *Observer) Refuse(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.refusal = err
}

// Closings are the flows that were to be closed.
func (o *Observer) Closings() []flow.Closing {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.closings)
}
