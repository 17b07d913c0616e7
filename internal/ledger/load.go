package ledger

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
)

// Head is where an observer goes on.
type Head struct {
	Epoch    int64
	Position Position
	// Fingerprint, Tracker and Metrics are those of the last batch.
	Fingerprint, Tracker, Metrics []byte
	// Contracts are all that have been in force, by their hashes.
	Contracts []Contract
}

// LiveFlow is what the tracker needs to go on with a flow. It is valid during
// the call that it is given to.
type LiveFlow struct {
	Choreography, Rules, ID, Key string
	State                        []byte
}

// Head returns where the ledger is.
func (r *Reader) Head(ctx context.Context) (Head, error) {
	var (
		h    Head
		next int64
	)
	err := r.db.QueryRowContext(ctx, "SELECT epoch, log_id, next_offset, fingerprint, tracker, metrics FROM log WHERE id = 1").
		Scan(&h.Epoch, &h.Position.LogID, &next, &h.Fingerprint, &h.Tracker, &h.Metrics)
	if err != nil {
		return Head{}, fmt.Errorf("read the ledger's position: %w", err)
	}
	h.Position.Next = uint64(next) //nolint:gosec // commits let no other in
	h.Contracts, err = r.Contracts(ctx)
	return h, err
}

// Contracts returns all contracts that have been in force, by their hashes.
func (r *Reader) Contracts(ctx context.Context) ([]Contract, error) {
	return collect(ctx, r.db, "SELECT hash, name, text, first_offset FROM contracts ORDER BY hash", nil,
		func(rows *sql.Rows) (c Contract, err error) {
			var first int64
			err = rows.Scan(&c.Hash, &c.Name, &c.Text, &first)
			c.First = uint64(first) //nolint:gosec // commits let no other in
			return c, err
		})
}

// Load calls fn for each flow that the tracker had in memory, in the order of
// their names, and returns the head that they belong to. Call it after
// [Ledger.TakeOver]; if another observer writes meanwhile it fails with
// [ErrConflict].
func (l *Ledger) Load(ctx context.Context, fn func(LiveFlow) error) (Head, error) {
	head, err := l.Head(ctx)
	if err != nil {
		return Head{}, err
	}
	if err := l.liveFlows(ctx, fn); err != nil {
		return Head{}, fmt.Errorf("load the flows: %w", err)
	}
	after, err := l.Head(ctx)
	if err != nil {
		return Head{}, err
	}
	if after.Epoch != head.Epoch || after.Position != head.Position {
		return Head{}, fmt.Errorf("load the flows: %w", ErrConflict)
	}
	return head, nil
}

func (l *Ledger) liveFlows(ctx context.Context, fn func(LiveFlow) error) error {
	rows, err := l.db.QueryContext(ctx, `SELECT choreography, rules, id, key, exact_names, state FROM flows
		WHERE forgotten_at IS NULL ORDER BY choreography, id`)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var (
			f            LiveFlow
			exact, state sql.RawBytes
		)
		if err := rows.Scan(&f.Choreography, &f.Rules, &f.ID, &f.Key, &exact, &state); err != nil {
			return err
		}
		if len(exact) > 0 {
			var n names
			if err := json.Unmarshal(exact, &n); err != nil {
				return fmt.Errorf("names of flow %q: %w", f.ID, err)
			}
			f.Choreography, f.Rules, f.ID, f.Key = string(n.Choreography), string(n.Rules), string(n.ID), string(n.Key)
		}
		f.State = state
		if err := fn(f); err != nil {
			return err
		}
	}
	return rows.Err()
}
