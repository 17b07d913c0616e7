package ledger

import (
	"context"
	"database/sql"
	"fmt"
)

// Noted are the records of a stretch of the log that the ledger has a row of, by
// their offsets and the events that they are about.
type Noted map[noted]struct{}

type noted struct {
	offset uint64
	event  string
}

// Has tells whether the ledger has what a record at an offset says of an event;
// of one about none the id is empty.
func (n Noted) Has(offset uint64, eventID string) bool {
	_, ok := n[noted{offset, clean(eventID, maxName)}]
	return ok
}

// Add notes a record that a batch has.
func (n Noted) Add(b *Batch) {
	for i := range b.Events {
		n.add(b.Events[i].Record.Offset, b.Events[i].Record.ID)
	}
	for i := range b.Failures {
		n.add(b.Failures[i].Offset, b.Failures[i].EventID)
	}
	for i := range b.Actions {
		if b.Actions[i].Logged {
			n.add(b.Actions[i].Offset, b.Actions[i].EventID)
		}
	}
}

func (n Noted) add(offset uint64, eventID string) {
	n[noted{offset, clean(eventID, maxName)}] = struct{}{}
}

// Noted returns what the ledger has of the records from an offset on and before
// another. It looks through whole tables: that is for once in a while.
func (r *Reader) Noted(ctx context.Context, from, before uint64) (Noted, error) {
	all := Noted{}
	for _, query := range []string{
		`SELECT e.log_offset, e.event_id FROM flows f JOIN events e ON e.choreography = f.choreography AND e.flow = f.id
			WHERE f.last_offset >= $1 AND e.log_offset >= $1 AND e.log_offset < $2`,
		"SELECT log_offset, event_id FROM failures WHERE log_offset >= $1 AND log_offset < $2",
		"SELECT log_offset, event_id FROM audit WHERE log_offset >= $1 AND log_offset < $2",
	} {
		_, err := collect(ctx, r.db, query, []any{int64(from), int64(before)}, func(rows *sql.Rows) (none struct{}, err error) { //nolint:gosec // offsets of a stream
			var (
				offset int64
				id     string
			)
			err = rows.Scan(&offset, &id)
			all[noted{uint64(offset), id}] = struct{}{} //nolint:gosec // commits let no other in
			return none, err
		})
		if err != nil {
			return nil, fmt.Errorf("what the ledger has of the offsets %d to %d: %w", from, before, err)
		}
	}
	return all, nil
}
