package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"time"

	"github.com/laban-io/laban/pkg/outbox"
)

// PendingMarkers returns markers that have not been exported, at most so many,
// the oldest first.
func (r *Reader) PendingMarkers(ctx context.Context, limit int) ([]Marker, error) {
	markers, err := collect(ctx, r.db, `SELECT id, choreography, flow, kind, data, log_offset FROM markers
		WHERE exported_at IS NULL ORDER BY id LIMIT $1`, []any{limit}, func(rows *sql.Rows) (m Marker, err error) {
		var offset int64
		err = rows.Scan(&m.ID, &m.Choreography, &m.FlowID, &m.Kind, &m.Data, &offset)
		m.Offset = uint64(offset) //nolint:gosec // commits let no other in
		return m, err
	})
	if err != nil {
		return nil, fmt.Errorf("read markers to export: %w", err)
	}
	return markers, nil
}

// MarkExported notes that markers were exported at a time. Whoever exports them
// after a crash, before this, sends the same bytes again.
func (l *Ledger) MarkExported(ctx context.Context, at time.Time, ids ...int64) error {
	if len(ids) == 0 {
		return nil
	}
	err := l.write(ctx, func(w writer) error {
		query, list := "UPDATE markers SET exported_at = $1 WHERE id = ANY($2::bigint[])", any(ids)
		if l.dialect == outbox.SQLite {
			query, list = "UPDATE markers SET exported_at = $1 WHERE id IN (SELECT value FROM json_each($2))", jsonList(ids)
		}
		_, err := w.exec(ctx, query, known(at), list)
		return err
	})
	if err != nil {
		return fmt.Errorf("note exported markers: %w", err)
	}
	return nil
}

func jsonList(ids []int64) string {
	text := append(make([]byte, 0, 2+8*len(ids)), '[')
	for i, id := range ids {
		if i > 0 {
			text = append(text, ',')
		}
		text = strconv.AppendInt(text, id, 10)
	}
	return string(append(text, ']'))
}
