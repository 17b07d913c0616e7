package flow

import (
	"encoding/json"
	"fmt"
	"slices"
)

// state is all that a tracker knows beside its flows. It is JSON, so that a
// person can read it in a ledger.
type state struct {
	Version  int                     `json:"version"`
	Now      int64                   `json:"now"`
	Refused  [2]uint64               `json:"refused"` // events, flows
	GapEnd   int64                   `json:"gap_end"`
	Current  map[string]string       `json:"current"` // choreography → hash of its contract
	Services map[string]serviceState `json:"services"`
	Offsets  map[string]clockState   `json:"clocks"`
}

type serviceState struct {
	Queue     *QueueSeen     `json:"queue,omitempty"`
	Instances []Announcement `json:"instances,omitempty"`
	Standing  [7]bool        `json:"standing"`
	Reasoned  int64          `json:"reasoned,omitempty"`
	Doubtful  int64          `json:"doubtful,omitempty"`
}

type clockState struct {
	Newest int64    `json:"newest,omitempty"`
	Before int64    `json:"before,omitempty"`
	Fresh  bool     `json:"fresh,omitempty"`
	This   [2]int64 `json:"this"`
	Last   [2]int64 `json:"last"`
	Known  [2]bool  `json:"known"`
	Turned int64    `json:"turned"`
}

// State returns what [Tracker.Restore] needs beside the flows.
func (t *Tracker) State() []byte {
	s := state{
		Version: stateVersion, Now: t.now, GapEnd: t.gapEnd, Refused: [2]uint64{t.refusedEvents, t.refusedFlows},
		Current: map[string]string{}, Services: map[string]serviceState{}, Offsets: map[string]clockState{},
	}
	for name, l := range t.lines {
		if l.current != nil {
			s.Current[name] = l.current.contract.Hash
		}
	}
	for name, seen := range t.services.byName {
		x := serviceState{Instances: seen.instances, Reasoned: seen.reasoned, Doubtful: seen.doubtful}
		if seen.seen {
			x.Queue = &seen.queue
		}
		st := seen.standing
		x.Standing = [7]bool{st.seen, st.missing, st.noConsumer, st.ready, st.unacked, st.unackedKnown, st.hidden}
		s.Services[name] = x
	}
	for name, k := range t.clocks {
		s.Offsets[name] = clockState{
			Newest: k.newest, Before: k.before, Fresh: k.fresh, Turned: k.turned,
			This: [2]int64{k.this.low, k.this.high}, Last: [2]int64{k.last.low, k.last.high}, Known: [2]bool{k.this.known, k.last.known},
		}
	}
	b, err := json.Marshal(s)
	if err != nil {
		panic("flow: a tracker's state has nothing that JSON can't write: " + err.Error()) //nolint:forbidigo // see the text
	}
	return b
}

// Restore takes over what [Tracker.State] returned, on a tracker that is new.
// The contracts that were in force must have been given to [Tracker.Know].
func (t *Tracker) Restore(b []byte) error {
	var s state
	if err := json.Unmarshal(b, &s); err != nil {
		return fmt.Errorf("%w: %w", ErrState, err)
	}
	if s.Version != stateVersion {
		return fmt.Errorf("%w: it has version %d, and this program reads %d", ErrState, s.Version, stateVersion)
	}
	t.now, t.gapEnd = s.Now, s.GapEnd
	t.refusedEvents, t.refusedFlows = s.Refused[0], s.Refused[1]
	for name, hash := range s.Current {
		p := t.programs[hash]
		if p == nil {
			return fmt.Errorf("%w: the contract %s of %s is missing", ErrState, hash, name)
		}
		t.lineOf(name).current = p
	}
	for name, x := range s.Services {
		st := x.Standing
		seen := &serviceSeen{
			name: name, instances: x.Instances, reasoned: x.Reasoned, doubtful: x.Doubtful,
			standing: standing{seen: st[0], missing: st[1], noConsumer: st[2], ready: st[3], unacked: st[4], unackedKnown: st[5], hidden: st[6]},
		}
		if x.Queue != nil {
			seen.queue, seen.seen = *x.Queue, true
		}
		t.services.byName[name] = seen
	}
	for name, x := range s.Offsets {
		t.clocks[name] = &clock{
			newest: x.Newest, before: x.Before, fresh: x.Fresh, turned: x.Turned,
			this: bounds{x.This[0], x.This[1], x.Known[0]}, last: bounds{x.Last[0], x.Last[1], x.Known[1]},
		}
	}
	return nil
}

// RestoreFlow takes over a flow whose [Snapshot.State] this is, after Restore.
// Call [Tracker.Restored] after the last.
func (t *Tracker) RestoreFlow(choreography, rules, id, key string, state []byte) error {
	p := t.programs[rules]
	if p == nil {
		return fmt.Errorf("%w: the contract %s of flow %s is missing", ErrState, rules, id)
	}
	l := t.lineOf(choreography)
	f := t.pool.take()
	f.line, f.program = l, p
	f.name(id, key)
	if err := f.readState(state); err != nil {
		return err
	}
	l.flows.put(f)
	if f.is(flagOwner) {
		owner := l.keys.get(key)
		if owner != nil {
			owner.flags &^= flagOwner
		}
		l.keys.put(f, owner)
	}
	if f.retired != 0 {
		t.retiring = append(t.retiring, f)
		return nil
	}
	t.live++
	l.counts[f.status]++
	if f.quiet == 0 {
		t.freshen(f)
	}
	t.noteStalled(f)
	t.tallyOpen(f)
	t.schedule(f)
	return nil
}

// Restored completes a restoration.
func (t *Tracker) Restored() {
	slices.SortFunc(t.retiring, func(a, b *instance) int {
		if a.retired != b.retired {
			return int(max(min(a.retired-b.retired, 1), -1))
		}
		return byAge(a, b)
	})
	for _, f := range t.retiring {
		t.retired.put(f, f.retired)
	}
	t.retiring = nil
}
