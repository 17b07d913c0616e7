package ledger

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/laban-io/laban/pkg/flow"
	"github.com/laban-io/laban/pkg/outbox"
)

// errCommitted tells that the batch is there: the answer to its commit was lost.
var errCommitted = errors.New("committed before")

// Commit writes a batch in one transaction, and moves the ledger's position from
// b.From to b.To. It fails with [ErrConflict], and writes nothing, where the
// ledger is elsewhere or has another epoch. After another error the same batch
// may be committed again: if it was written, and only the answer was lost, that
// succeeds and writes nothing. It gives the markers their ids.
func (l *Ledger) Commit(ctx context.Context, b *Batch) error {
	if err := b.check(); err != nil {
		return fmt.Errorf("commit to the ledger: %w", err)
	}
	l.committing.Lock()
	defer l.committing.Unlock()
	l.seen.begin()
	err := l.write(ctx, func(w writer) error { return l.commit(ctx, w, b) })
	if errors.Is(err, errCommitted) {
		err = nil
	} else if err == nil {
		l.seen.unsure = false
	}
	if err == nil {
		l.doubt = nil
		return nil
	}
	var lost *inDoubt
	switch {
	case errors.As(err, &lost):
		l.doubt = b
	case l.doubt != b || errors.Is(err, ErrConflict):
		l.doubt = nil
	}
	return fmt.Errorf("commit to the ledger up to offset %d: %w", b.To.Next, err)
}

// check finds what no database could take.
func (b *Batch) check() error {
	if b.From == b.To {
		return errors.New("a batch must move the ledger's position")
	}
	highest := max(b.From.Next, b.To.Next)
	for i := range b.Contracts {
		highest = max(highest, b.Contracts[i].First)
	}
	for i := range b.Flows {
		highest = max(highest, b.Flows[i].First, b.Flows[i].Last)
	}
	for i := range b.Events {
		highest = max(highest, b.Events[i].Record.Offset)
	}
	for i := range b.Transitions {
		highest = max(highest, b.Transitions[i].Offset)
	}
	for i := range b.Failures {
		highest = max(highest, b.Failures[i].Offset)
	}
	for i := range b.Markers {
		highest = max(highest, b.Markers[i].Offset)
	}
	for i := range b.Actions {
		highest = max(highest, b.Actions[i].Offset)
	}
	if highest > math.MaxInt64 {
		return fmt.Errorf("offset %d is of no stream: they end at %d", highest, int64(math.MaxInt64))
	}
	return nil
}

// state is the part of the head that commits compare and move.
type state struct {
	epoch, nextOffset, nextRow int64
	logID                      string
}

// locked is a query's end that makes others wait for this transaction. SQLite's
// begin has done so.
func (l *Ledger) locked() string {
	if l.dialect == outbox.PostgreSQL {
		return " FOR UPDATE"
	}
	return ""
}

func (l *Ledger) lockHead(ctx context.Context, w writer) (s state, err error) {
	err = w.row(ctx, "SELECT epoch, log_id, next_offset, next_row FROM log WHERE id = 1"+l.locked(), nil,
		&s.epoch, &s.logID, &s.nextOffset, &s.nextRow)
	return s, err
}

func (l *Ledger) commit(ctx context.Context, w writer, b *Batch) error {
	s, err := l.lockHead(ctx, w)
	if err != nil {
		return fmt.Errorf("read the position: %w", err)
	}
	is := func(p Position) bool {
		return s.epoch == b.Epoch && s.logID == clean(p.LogID, maxName) && s.nextOffset == int64(p.Next) //nolint:gosec // checked by check
	}
	if !is(b.From) {
		if l.doubt == b && is(b.To) {
			return errCommitted
		}
		return fmt.Errorf("%w (epoch %d and next offset %d were expected, epoch %d and %d are there)",
			ErrConflict, b.Epoch, b.From.Next, s.epoch, s.nextOffset)
	}
	t := l.tables
	if err := w.insert(ctx, &t.contracts, len(b.Contracts), func(i int, to []any) ([]any, error) {
		return contractRow(to, &b.Contracts[i]), nil
	}); err != nil {
		return err
	}
	for rest := b.Flows; len(rest) > 0; {
		n := distinct(rest)
		if err := l.commitFlows(ctx, w, rest[:n]); err != nil {
			return err
		}
		rest = rest[n:]
	}
	if s.nextRow, err = l.commitHistory(ctx, w, b, s.nextRow); err != nil {
		return err
	}
	_, err = w.exec(ctx, `UPDATE log SET log_id = $1, next_offset = $2, fingerprint = $3, tracker = $4, metrics = $5, next_row = $6
		WHERE id = 1`, clean(b.To.LogID, maxName), int64(b.To.Next), bytesOrNull(b.Fingerprint), bytesOrNull(b.Tracker), //nolint:gosec // checked by check
		bytesOrNull(b.Metrics), s.nextRow)
	return err
}

// distinct returns how many flows from the first one on are different ones. One
// statement can't write a row twice.
func distinct(flows []flow.Snapshot) int {
	keys := make(map[flowKey]struct{}, len(flows))
	for i := range flows {
		k := keyOf(&flows[i])
		if _, twice := keys[k]; twice {
			return i
		}
		keys[k] = struct{}{}
	}
	return len(flows)
}

func keyOf(s *flow.Snapshot) flowKey { return flowKey{s.Choreography, s.ID} }

// part is one of something that a flow has several of.
type part struct{ flow, index int }

func (l *Ledger) commitFlows(ctx context.Context, w writer, flows []flow.Snapshot) error {
	var (
		changed, moved                  []int
		obligations, progressed, traces []part
	)
	for i := range flows {
		k := keyOf(&flows[i])
		if l.seen.moved(&flows[i]) {
			moved = append(moved, i)
		} else {
			changed = append(changed, i)
		}
		for j := range flows[i].Obligations {
			switch l.seen.changed(k, &flows[i].Obligations[j]) {
			case all:
				obligations = append(obligations, part{i, j})
			case progress:
				progressed = append(progressed, part{i, j})
			case nothing:
			}
		}
		if flows[i].State == nil {
			l.seen.forget(k)
		}
		for j := 1; j < len(flows[i].Traces); j++ {
			traces = append(traces, part{i, j})
		}
	}
	err := w.insert(ctx, &l.tables.flows, len(changed), func(i int, to []any) ([]any, error) { return flowRow(to, &flows[changed[i]]) })
	if err != nil {
		return err
	}
	err = w.insert(ctx, &l.tables.moved, len(moved), func(i int, to []any) ([]any, error) { return movedRow(to, &flows[moved[i]]), nil })
	if err != nil {
		return err
	}
	err = w.insert(ctx, &l.tables.obligations, len(obligations), func(i int, to []any) ([]any, error) {
		s := &flows[obligations[i].flow]
		return obligationRow(to, s, &s.Obligations[obligations[i].index])
	})
	if err != nil {
		return err
	}
	err = w.insert(ctx, &l.tables.progressed, len(progressed), func(i int, to []any) ([]any, error) {
		s := &flows[progressed[i].flow]
		return progressedRow(to, s, &s.Obligations[progressed[i].index]), nil
	})
	if err != nil {
		return err
	}
	return w.insert(ctx, &l.tables.traces, len(traces), func(i int, to []any) ([]any, error) {
		return traceRow(to, &flows[traces[i].flow], traces[i].index), nil
	})
}

// commitHistory writes what is only ever added to, and returns the id that the
// next row gets. One sequence of ids keeps what happened in the order of the
// log, also where the log's own offsets begin again.
func (l *Ledger) commitHistory(ctx context.Context, w writer, b *Batch, next int64) (int64, error) {
	t := l.tables
	events := make([]int, 0, len(b.Events))
	for i := range b.Events {
		if e := &b.Events[i].Entry; !e.Duplicate && !e.Truncated {
			events = append(events, i)
		}
	}
	var deviations []int
	for i := range b.Transitions {
		if b.Transitions[i].Kind == flow.Deviated {
			deviations = append(deviations, i)
		}
	}
	for _, part := range []struct {
		table *table
		n     int
		row   func(to []any, id int64, i int) []any
	}{
		{&t.events, len(events), func(to []any, id int64, i int) []any { return eventRow(to, id, &b.Events[events[i]]) }},
		{&t.transitions, len(b.Transitions), func(to []any, id int64, i int) []any { return transitionRow(to, id, &b.Transitions[i]) }},
		{&t.deviations, len(deviations), func(to []any, id int64, i int) []any {
			return deviationRow(to, id, &b.Transitions[deviations[i]])
		}},
		{&t.failures, len(b.Failures), func(to []any, id int64, i int) []any { return failureRow(to, id, &b.Failures[i]) }},
		{&t.markers, len(b.Markers), func(to []any, id int64, i int) []any {
			b.Markers[i].ID = id
			return markerRow(to, id, &b.Markers[i])
		}},
		{&t.audit, len(b.Actions), func(to []any, id int64, i int) []any { return actionRow(to, id, &b.Actions[i]) }},
	} {
		first := next
		err := w.insert(ctx, part.table, part.n, func(i int, to []any) ([]any, error) { return part.row(to, first+int64(i), i), nil })
		if err != nil {
			return 0, err
		}
		next += int64(part.n)
	}
	return next, nil
}

// Record notes what a person did that the log does not tell.
func (l *Ledger) Record(ctx context.Context, a Action) error {
	if a.Offset > math.MaxInt64 {
		return fmt.Errorf("record an action: offset %d is of no stream", a.Offset)
	}
	err := l.write(ctx, func(w writer) error {
		s, err := l.lockHead(ctx, w)
		if err != nil {
			return err
		}
		if err := w.insert(ctx, &l.tables.audit, 1, func(_ int, to []any) ([]any, error) { return actionRow(to, s.nextRow, &a), nil }); err != nil {
			return err
		}
		_, err = w.exec(ctx, "UPDATE log SET next_row = $1 WHERE id = 1", s.nextRow+1)
		return err
	})
	if err != nil {
		return fmt.Errorf("record an action in the ledger: %w", err)
	}
	return nil
}
