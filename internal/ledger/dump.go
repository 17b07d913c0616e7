package ledger

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
)

// DumpConfig says what a dump has.
type DumpConfig struct {
	// NoOffsets leaves out where in the log something was, to compare logs that
	// have the same records in another order.
	NoOffsets bool
}

// dumped is a table in a dump: its columns, and the order of its rows.
type dumped struct {
	table, columns, offsets, flags, where, order string
}

// dumps are what a replay of the log has to bring back, and nothing else: no
// epoch, no time of an export, no row's own number, neither the tracker's state
// nor what is counted, whose bytes are their owners' own affair, and nothing
// that people did which the log does not tell.
func dumps() []dumped {
	const history = "choreography, flow, id"
	return []dumped{
		{table: "log", columns: "log_id", offsets: "next_offset", order: "id"},
		{table: "contracts", columns: "hash name text", offsets: "first_offset", order: "hash"},
		{
			table: "flows", columns: `choreography id key rules status outcome started_at updated_at ended_at events deviations stalls
				trace_id reason forgotten_at`, offsets: "first_offset last_offset", order: "choreography, id",
		},
		{table: "flow_traces", columns: "choreography flow number trace_id", order: "choreography, flow, number, trace_id"},
		{
			table: "events", columns: `choreography flow number event_id type source version time trigger_time log_time at causation_id cause
				trace_id span_id payload`, offsets: "log_offset", flags: "inferred", order: history,
		},
		{
			table: "obligations", columns: `choreography flow number step service on_type trigger_event answers owed_since deadline state
				overdue_since cause certainty evidence paid_by`, flags: "side optional", order: "choreography, flow, number",
		},
		{table: "deviations", columns: "choreography flow kind detail at", offsets: "log_offset", order: history},
		{
			table: "transitions", columns: `choreography flow kind at from_status to_status outcome obligation step service on_type owed_since
				deadline cause certainty evidence duration deviation detail`, offsets: "log_offset", flags: "again clean late", order: history,
		},
		{table: "failures", columns: "choreography flow kind event_id type service attempt attempts error log_time", offsets: "log_offset", order: history},
		{table: "markers", columns: "choreography flow kind data", offsets: "log_offset", order: history},
		{
			table: "audit", columns: "at action actor choreography flow service event_id reason", offsets: "log_offset",
			where: "log_offset IS NOT NULL", order: history,
		},
	}
}

// Dump writes all that the log says, one JSON object a line, sorted: the same
// bytes for the same log, on either database, wherever it was cut into batches.
// Rows of one flow are in the order of the log.
func (r *Reader) Dump(ctx context.Context, to io.Writer, cfg DumpConfig) error {
	out := bufio.NewWriter(to)
	err := r.snapshot(ctx, func(db querier) error {
		for _, d := range dumps() {
			if err := d.write(ctx, db, out, cfg); err != nil {
				return fmt.Errorf("table %s: %w", d.table, err)
			}
		}
		return nil
	})
	if err == nil {
		err = out.Flush()
	}
	if err != nil {
		return fmt.Errorf("dump the ledger: %w", err)
	}
	return nil
}

func (d *dumped) write(ctx context.Context, db querier, out io.Writer, cfg DumpConfig) error {
	names := words(d.columns)
	if !cfg.NoOffsets {
		names = append(names, words(d.offsets)...)
	}
	columns := slices.Clone(names)
	for _, flag := range words(d.flags) {
		// One database has truth values, and the other numbers.
		names = append(names, flag)
		columns = append(columns, "CASE WHEN "+flag+" THEN 1 ELSE 0 END")
	}
	query := "SELECT " + strings.Join(columns, ", ") + " FROM " + d.table
	if d.where != "" {
		query += " WHERE " + d.where
	}
	rows, err := db.QueryContext(ctx, query+" ORDER BY "+d.order)
	if err != nil {
		return err
	}
	defer rows.Close()
	values, targets := make([]any, len(names)), make([]any, len(names))
	for i := range values {
		targets[i] = &values[i]
	}
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	for rows.Next() {
		if err := rows.Scan(targets...); err != nil {
			return err
		}
		row := map[string]any{"table": d.table}
		for i, name := range names {
			if values[i] != nil {
				row[name] = values[i]
			}
		}
		if err := encoder.Encode(row); err != nil {
			return err
		}
	}
	return rows.Err()
}
