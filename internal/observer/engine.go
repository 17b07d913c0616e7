package observer

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/laban-io/laban/internal/ledger"
	"github.com/laban-io/laban/internal/observer/record"
	"github.com/laban-io/laban/internal/observer/source"
	"github.com/laban-io/laban/pkg/choreography"
	"github.com/laban-io/laban/pkg/flow"
)

// engine applies the log to a tracker. One goroutine uses it.
type engine struct {
	o       *Observer
	tracker *flow.Tracker
	state   *state
	epoch   int64
	redact  *redaction

	// next is the offset after the last record that was applied, and last that
	// record; none was where next is 0.
	next uint64
	last source.Item
	read bool // since the start
	// position is where the ledger is, or will be when the commit that is under
	// way is done.
	position ledger.Position

	filling, spare *ledger.Batch
	records        int
	bytes          int       // of payloads in filling
	since          time.Time // when the first of them was applied
	caughtUp       bool
	limit          uint64 // the offset to stop before; 0: none
	// from is where a replay begins.
	from source.Place
	// doubt is what was assumed of the log's begin, as long as nothing confirms
	// that, and wrong that something contradicts it.
	doubt *doubt
	wrong bool
	// told is the offset up to which the ledger has the failures and actions
	// already: without a contract that is all that it learned.
	told uint64
	// again is what is read once more of a log that lost its end.
	again rereading
	// repaint tells that something is to be told at once.
	repaint bool
}

// apply applies some items. It returns whether the limit was reached.
func (e *engine) apply(items []source.Item) (done bool) {
	if e.limit > 0 {
		for n := len(items); n > 0 && items[n-1].Offset+1 >= e.limit; n-- {
			done = true
			if items[n-1].Offset >= e.limit {
				items = items[:n-1]
			}
		}
	}
	known := e.again.known(items, e.tracker.Now())
	e.state.Until = e.again.until
	for i := range items {
		if i < known {
			e.skip(&items[i])
			continue
		}
		e.applyOne(&items[i])
	}
	if n := len(items); n > 0 && items[n-1].Kind != source.Gap {
		e.last = items[n-1]
	}
	e.o.readTo(e)
	return done
}

func (e *engine) applyOne(item *source.Item) {
	if e.records == 0 {
		e.since = time.Now()
	}
	e.records++
	switch item.Kind {
	case source.Gap:
		e.gap(item)
		return // it is no record
	case source.Event:
		e.event(item)
	case source.Failure:
		e.failure(item.Offset, ledger.FailureOf(&item.Failure, e.tracker.Now()))
		e.took(e.tracker.Fail(&item.Failure))
	case source.Announcement:
		e.took(e.tracker.Announce(&item.Announcement))
		e.o.servicesChanged(e)
	case source.Own:
		e.own(item)
	case source.Other:
	case source.Malformed:
		e.malformed(item)
	}
	e.next, e.read = item.Offset+1, true
	if e.doubt != nil && !e.wrong && (e.caughtUp || e.records >= commitMost) {
		e.doubt = nil // nobody knows better
	}
}

// skip passes over a record that was applied when it was read before.
func (e *engine) skip(item *source.Item) {
	if e.records == 0 {
		e.since = time.Now()
	}
	e.records++
	e.next, e.read = item.Offset+1, true
}

func (e *engine) event(item *source.Item) {
	if item.Tap != "" {
		e.state.tapped(item.Tap, e.tracker.Now())
	}
	result := e.tracker.Observe(&item.Event)
	e.o.cfg.Counter.Observed(result.Unclaimed)
	if result.Unclaimed != flow.Claimed {
		e.state.Unclaimed[result.Unclaimed.String()]++
	}
	payload := ""
	if e.o.cfg.KeepPayloads && len(result.Entries) > 0 {
		payload = e.redact.payload(item.Data)
		e.bytes += len(payload)
	}
	if e.o.cfg.Ledger != nil {
		for _, entry := range result.Entries {
			e.filling.Events = append(e.filling.Events, ledger.Event{Record: item.Event, Entry: entry, Payload: payload})
		}
	}
	e.took(result.Transitions)
	e.o.eventCame()
}

// took passes transitions on.
func (e *engine) took(transitions []flow.Transition) {
	if len(transitions) == 0 {
		return
	}
	e.filling.Transitions = append(e.filling.Transitions, transitions...)
	e.o.cfg.Counter.Apply(transitions)
	if e.o.cfg.Marker == nil {
		return
	}
	for i := range transitions {
		if m, ok := e.o.cfg.Marker(&transitions[i]); ok {
			e.filling.Markers = append(e.filling.Markers, m)
		}
	}
}

// maxReasons bounds the words that malformed records are counted by.
const maxReasons = 100

func (e *engine) malformed(item *source.Item) {
	e.o.cfg.Counter.Malformed(item.Reason)
	if _, known := e.state.Malformed[item.Reason]; !known && len(e.state.Malformed) < maxReasons {
		e.o.log.Warn("a record of the log can't be read; it is counted and left out", "reason", item.Reason, "offset", item.Offset, "detail", item.Detail)
	}
	if len(e.state.Malformed) < maxReasons {
		e.state.Malformed[item.Reason]++
	}
	if item.Tap != "" {
		e.state.tapped(item.Tap, e.tracker.Now())
	}
}

// gap notes a break of the log.
func (e *engine) gap(item *source.Item) {
	e.state.Gaps++
	e.o.cfg.Counter.Gap()
	e.o.log.Error("the log has a gap; nothing is claimed of the flows that were under way", "reason", item.Reason, "detail", item.Detail)
	e.took(e.tracker.Gap(&flow.Gap{Place: flow.Place{Offset: item.Offset}, Reason: item.Detail}))
	e.repaint = true
	switch {
	case item.NewLog:
		if e.state.LogID != "" {
			e.state.Replaces = e.state.LogID
		}
		e.state.LogID, e.state.LogIDAt = "", time.Time{}
		e.state.Stated, e.state.MappingAt = map[string]stated{}, time.Time{}
		e.state.Trail, e.state.Until, e.again = nil, 0, rereading{}
		e.next, e.told = 0, 0
	case item.Until > 0:
		// What the log states is stated again: nobody knows whether it still does.
		e.state.LogIDAt, e.state.Stated, e.state.MappingAt = time.Time{}, map[string]stated{}, time.Time{}
		e.state.Trail, e.next, e.last = e.state.Trail.Before(item.Offset), item.Offset, *item
	}
}

// own applies a record of an observer.
func (e *engine) own(item *source.Item) {
	offset := item.Offset
	switch r := item.Own.(type) {
	case record.Pulse:
		e.pulse(&r, offset)
	case record.Identified:
		if e.state.LogID == "" {
			e.state.LogID, e.state.Replaces = strings.Clone(r.ID), strings.Clone(r.Replaces)
		}
		if r.ID == e.state.LogID {
			e.state.LogIDAt = e.tracker.Now()
		}
	case record.Contract:
		e.contract(&r, item)
	case record.Retired:
		e.retire(r.Name, offset)
	case record.Mapping:
		e.state.Mapping, e.state.MappingAt = r, e.tracker.Now()
	case record.Stray:
		stray := r.Flow(offset)
		e.failure(offset, ledger.StrayOf(&stray, e.tracker.Now()))
		if _, known := e.state.Strays[r.Stream]; known || len(e.state.Strays) < maxStrays {
			e.state.Strays[r.Stream] = max(e.state.Strays[r.Stream], r.Offset+1)
		}
		e.o.cfg.Counter.Stray(stray.Lost)
		e.took(e.tracker.Stray(&stray))
	case record.Closed:
		e.act(&ledger.Action{Action: "closed", Actor: r.By, Choreography: r.Choreography, FlowID: r.FlowID, Reason: r.Reason}, offset)
		closing := r.Flow(offset)
		e.took(e.tracker.Close(&closing))
	case record.Redriven:
		action := "redriven"
		if r.Discarded {
			action = "discarded"
		}
		e.act(&ledger.Action{
			Action: action, Actor: r.By, Choreography: r.FlowName, FlowID: r.FlowID, Service: r.Service, EventID: r.EventID, Reason: r.Reason,
		}, offset)
		if !r.Discarded {
			redrive := r.Flow(offset)
			e.took(e.tracker.Redrive(&redrive))
		}
	}
}

func (e *engine) pulse(r *record.Pulse, offset uint64) {
	e.hears(r.Contracts)
	pulser := strconv.FormatInt(r.Epoch, 10) + " " + r.Observer
	e.took(e.tracker.Pulse(&flow.Pulse{
		Place: flow.Place{Offset: offset}, Time: r.Time, Anew: pulser != e.state.Pulser, Queues: r.Seen(),
	}))
	e.state.Pulser = pulser
	e.o.pulseRead(e, r)
}

func (e *engine) failure(offset uint64, f ledger.Failure) {
	if offset >= e.told {
		e.filling.Failures = append(e.filling.Failures, f)
	}
}

func (e *engine) act(a *ledger.Action, offset uint64) {
	if offset < e.told {
		return
	}
	a.At, a.Offset, a.Logged = e.tracker.Now(), offset, true
	e.filling.Actions = append(e.filling.Actions, *a)
}

// contract puts a contract in force that the log states.
func (e *engine) contract(r *record.Contract, item *source.Item) {
	e.doubts(r.Name, r.Hash)
	before := e.state.Stated[r.Name]
	if before.Hash == r.Hash {
		e.state.Stated[r.Name] = stated{Hash: r.Hash, At: e.tracker.Now()}
		return
	}
	c, err := choreography.Parse(r.Name, []byte(r.Text))
	if err != nil || c.Name != r.Name {
		item.Reason, item.Detail = "contract", fmt.Sprintf("the contract %s that the log states can't be read: %v", r.Name, err)
		e.malformed(item)
		return
	}
	e.state.Stated[r.Name] = stated{Hash: r.Hash, At: e.tracker.Now()}
	e.inForce(c, item.Offset)
}

// inForce puts a contract in force.
func (e *engine) inForce(c *choreography.Choreography, offset uint64) {
	if e.state.InForce[c.Name] != c.Hash {
		e.o.contracts.know(c)
		e.o.contracts.use(c.Name, c.Hash)
		e.state.InForce[c.Name] = c.Hash
		e.o.cfg.Counter.SetContracts(e.o.contracts.all())
		e.took(e.tracker.Rules(&flow.Rules{Place: flow.Place{Offset: offset}, Choreography: c}))
		e.filling.Contracts = append(e.filling.Contracts, ledger.ContractOf(c, offset))
	}
}

// due tells whether what was applied is to be committed now.
func (e *engine) due(now time.Time) bool {
	return e.records > 0 && e.read && e.doubt == nil && (e.records >= commitAt || e.bytes >= commitBytes || now.Sub(e.since) >= commitEvery)
}

// full tells whether no more is to be applied before the ledger has what was.
func (e *engine) full() bool { return e.records >= commitMost || e.bytes >= commitBytes }

// seal completes the batch that is being filled, and begins another. It returns
// nil where nothing changed the position.
func (e *engine) seal() *ledger.Batch {
	b := e.filling
	to := ledger.Position{LogID: e.state.LogID, Next: e.next}
	if to == e.position {
		return nil
	}
	if e.o.cfg.Ledger != nil {
		e.tracker.Changed(b.AddFlow)
	} else {
		e.tracker.Changed(nil) // nobody wants to know
	}
	e.state.Counter = e.o.cfg.Counter.State()
	b.Epoch, b.From, b.To = e.epoch, e.position, to
	b.Fingerprint, b.Tracker = e.last.Fingerprint(), e.tracker.State()
	if e.next > 0 {
		e.state.Trail = e.state.Trail.Add(e.next-1, b.Fingerprint)
	}
	b.Metrics = e.state.write()
	e.position = to
	e.filling, e.spare = e.spare, nil
	if e.filling == nil {
		e.filling = &ledger.Batch{}
	}
	e.records, e.bytes = 0, 0
	return b
}
