package ledger

import (
	"context"
	"fmt"
	"time"
)

// retainStep is how many rows one transaction of [Ledger.Retain] removes, of
// each kind: the observer's commits wait for it.
const retainStep = 200

// Retention says how long what is over is kept. Zero keeps it for ever.
type Retention struct {
	// Finished is for flows that the tracker has forgotten, with all that
	// belongs to them, and for failures of messages that were of no flow.
	Finished time.Duration
	// Exported is for markers that were exported.
	Exported time.Duration
	// Audit is for what people did.
	Audit time.Duration
}

// Retain removes what is older than r allows at now, in short transactions
// between which others get their turn. It returns how many flows are gone. It
// never removes a flow that the tracker has in memory, nor a marker that was not
// exported. SQLite uses the room again; its file does not become smaller.
func (l *Ledger) Retain(ctx context.Context, r Retention, now time.Time) (flows int, err error) {
	if r.Finished > 0 {
		if flows, err = l.removeFlows(ctx, now.Add(-r.Finished)); err != nil {
			return flows, fmt.Errorf("remove old flows from the ledger: %w", err)
		}
		if err := l.removeRows(ctx, "failures", `log_time < $1
			AND NOT EXISTS (SELECT 1 FROM flows WHERE flows.choreography = failures.choreography AND flows.id = failures.flow)`,
			now.Add(-r.Finished)); err != nil {
			return flows, fmt.Errorf("remove old failures from the ledger: %w", err)
		}
	}
	if r.Exported > 0 {
		if err := l.removeRows(ctx, "markers", "exported_at < $1", now.Add(-r.Exported)); err != nil {
			return flows, fmt.Errorf("remove old markers from the ledger: %w", err)
		}
	}
	if r.Audit > 0 {
		if err := l.removeRows(ctx, "audit", "at < $1", now.Add(-r.Audit)); err != nil {
			return flows, fmt.Errorf("remove what people did long ago from the ledger: %w", err)
		}
	}
	return flows, nil
}

func (l *Ledger) removeFlows(ctx context.Context, before time.Time) (removed int, err error) {
	const old = "SELECT choreography, id FROM flows WHERE forgotten_at < $1 ORDER BY forgotten_at, choreography, id LIMIT $2"
	for {
		var n int64
		err := l.write(ctx, func(w writer) error {
			// Whoever commits would else bring one of them back in between.
			if _, err := l.lockHead(ctx, w); err != nil {
				return err
			}
			for _, table := range []string{"events", "obligations", "transitions", "deviations", "failures", "flow_traces"} {
				if _, err := w.exec(ctx, "DELETE FROM "+table+" WHERE (choreography, flow) IN ("+old+")", known(before), retainStep); err != nil {
					return fmt.Errorf("table %s: %w", table, err)
				}
			}
			var err error
			n, err = w.exec(ctx, "DELETE FROM flows WHERE (choreography, id) IN ("+old+")", known(before), retainStep)
			return err
		})
		if err != nil {
			return removed, err
		}
		removed += int(n)
		if n < retainStep {
			return removed, nil
		}
	}
}

func (l *Ledger) removeRows(ctx context.Context, table, where string, before time.Time) error {
	query := "DELETE FROM " + table + " WHERE id IN (SELECT id FROM " + table + " WHERE " + where + " ORDER BY id LIMIT $2)"
	for {
		var n int64
		err := l.write(ctx, func(w writer) (err error) {
			n, err = w.exec(ctx, query, known(before), retainStep)
			return err
		})
		if err != nil || n < retainStep {
			return err
		}
	}
}
