package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"

	"github.com/laban-io/laban/pkg/flow"
)

// Acted returns what people did about messages that no service would process any
// more, the newest first: they had them sent again, or discarded them.
func (r *Reader) Acted(ctx context.Context, limit int) ([]Action, error) {
	acted, err := collect(ctx, r.db, `SELECT at, action, actor, choreography, flow, service, event_id, reason, log_offset FROM audit
		WHERE action IN ('redriven', 'discarded') ORDER BY id DESC LIMIT $1`, []any{limit}, scanAction)
	if err != nil {
		return nil, fmt.Errorf("list what people did: %w", err)
	}
	return acted, nil
}

// chunk is how many ids a query names.
const chunk = 500

// Standing returns how flows of a choreography stand, by their ids; those that
// the ledger does not know are not in it.
func (r *Reader) Standing(ctx context.Context, choreographyName string, ids []string) (map[string]flow.Status, error) {
	stands := make(map[string]flow.Status, len(ids))
	for part := range slices.Chunk(ids, chunk) {
		asked := make(map[string][]string, len(part)) // what the ledger calls them
		for _, id := range part {
			asked[cleanID(id)] = append(asked[cleanID(id)], id)
		}
		var p params
		query := "SELECT id, status FROM flows WHERE choreography = " + p.add(cleanID(choreographyName)) + " AND id IN (" + p.texts(slices.Sorted(maps.Keys(asked))) + ")"
		_, err := collect(ctx, r.db, query, p, func(rows *sql.Rows) (none struct{}, err error) {
			var id, status string
			err = rows.Scan(&id, &status)
			for _, name := range asked[id] {
				stands[name], _ = flow.ParseStatus(status)
			}
			return none, err
		})
		if err != nil {
			return nil, fmt.Errorf("how flows of %s stand: %w", choreographyName, err)
		}
	}
	return stands, nil
}

// Missed returns the ids of events that no queue took and somebody waits for, of
// the newest 50,000 failures.
func (r *Reader) Missed(ctx context.Context) (map[string]bool, error) {
	missed := map[string]bool{}
	_, err := collect(ctx, r.db, "SELECT event_id FROM (SELECT kind, event_id FROM failures ORDER BY id DESC LIMIT $1) AS newest WHERE kind = 'unrouted'", []any{maxStepRows},
		func(rows *sql.Rows) (none struct{}, err error) {
			var id string
			err = rows.Scan(&id)
			missed[id] = true
			return none, err
		})
	if err != nil {
		return nil, fmt.Errorf("list unrouted events: %w", err)
	}
	return missed, nil
}
