package ledger

import "strings"

// table is a table that batches write to.
type table struct {
	name    string
	columns []string
	// keys are the columns that identify a row which may be there already. It
	// is replaced by set, or stays where set is empty. Without keys every row is
	// a new one.
	keys []string
	set  string
	// update tells that rows are there: the keys, which come last among the
	// columns, say which, and the other columns are set.
	update bool
}

// replace is the set clause that takes all that is new.
func replace(columns []string, but ...string) string {
	return strings.Join(assign(columns, func(c string) string { return "excluded." + c }, but), ", ")
}

func assign(columns []string, value func(column string) string, but []string) []string {
	var set []string
next:
	for _, c := range columns {
		for _, b := range but {
			if b == c {
				continue next
			}
		}
		set = append(set, c+" = "+value(c))
	}
	return set
}

func words(text string) []string { return strings.Fields(text) }

func (t *table) onConflict() string {
	switch {
	case t.keys == nil:
		return ""
	case t.set == "":
		return " ON CONFLICT (" + strings.Join(t.keys, ", ") + ") DO NOTHING"
	default:
		return " ON CONFLICT (" + strings.Join(t.keys, ", ") + ") DO UPDATE SET " + t.set
	}
}

// values is an insert of so many rows, for SQLite: it looks up "$1" by name,
// and takes "?" as it comes.
func (t *table) values(rows int) string {
	row := "(?" + strings.Repeat(", ?", len(t.columns)-1) + ")"
	return "INSERT INTO " + t.name + " (" + strings.Join(t.columns, ", ") + ") VALUES " +
		row + strings.Repeat(", "+row, rows-1) + t.onConflict()
}

// updateOne updates one row, on SQLite.
func (t *table) updateOne() string {
	set := t.columns[:len(t.columns)-len(t.keys)]
	return "UPDATE " + t.name + " SET " + strings.Join(set, " = ?, ") + " = ? WHERE " + strings.Join(t.keys, " = ? AND ") + " = ?"
}

// updateFrom updates the rows that another table tells, on PostgreSQL.
func (t *table) updateFrom(other string) string {
	set := assign(t.columns, func(c string) string { return "s." + c }, t.keys)
	where := make([]string, len(t.keys))
	for i, k := range t.keys {
		where[i] = "t." + k + " = s." + k
	}
	return "UPDATE " + t.name + " t SET " + strings.Join(set, ", ") + " FROM " + other + " s WHERE " + strings.Join(where, " AND ")
}

// tables are those that batches write to.
type tables struct {
	contracts, flows, moved, traces, events, failures, obligations, progressed, deviations, transitions, markers, audit table
}

func newTables() *tables {
	t := &tables{
		contracts: table{name: "contracts", columns: words("hash name text first_offset"), keys: words("hash")},
		flows: table{name: "flows", columns: words(`choreography id key rules status outcome listed_at started_at updated_at ended_at
			first_offset last_offset events deviations stalls trace_id reason exact_names state forgotten_at`), keys: words("choreography id")},
		moved: table{
			name: "flows", columns: words("updated_at last_offset events deviations stalls state choreography id"),
			keys: words("choreography id"), update: true,
		},
		traces: table{name: "flow_traces", columns: words("choreography flow number trace_id"), keys: words("choreography flow trace_id")},
		events: table{name: "events", columns: words(`choreography flow id number event_id type source version time trigger_time log_time
			at log_offset causation_id cause inferred trace_id span_id payload`)},
		failures: table{name: "failures", columns: words(`id choreography flow kind event_id type service attempt attempts error
			log_offset log_time`)},
		obligations: table{name: "obligations", columns: words(`choreography flow number step service on_type trigger_event answers
			owed_since deadline state overdue_since cause certainty evidence paid_by side optional`), keys: words("choreography flow number")},
		progressed: table{
			name:    "obligations",
			columns: words("owed_since deadline state overdue_since cause certainty evidence paid_by choreography flow number"),
			keys:    words("choreography flow number"), update: true,
		},
		deviations: table{name: "deviations", columns: words("choreography flow id kind detail log_offset at")},
		transitions: table{name: "transitions", columns: words(`choreography flow id kind log_offset at from_status to_status outcome again
			clean obligation step service on_type owed_since deadline cause certainty evidence late duration deviation detail`)},
		markers: table{name: "markers", columns: words("id choreography flow kind data log_offset")},
		audit:   table{name: "audit", columns: words("id at action actor choreography flow service event_id reason log_offset")},
	}
	t.obligations.set = replace(t.obligations.columns, t.obligations.keys...)
	t.flows.set = flowSet(t.flows.columns)
	return t
}

// flowSet is how a flow's row changes. Where it stands in lists does not.
//
// A flow that has ended, and that the tracker has forgotten since, may be told
// of again: by a mail that was sent an hour late, say. To the tracker that is a
// flow without a start, of which nothing is claimed. People want to know how it
// ended: so that verdict stays, and the late events join the history.
func flowSet(columns []string) string {
	const forgotten = "flows.ended_at IS NOT NULL AND excluded.started_at IS NULL AND excluded.first_offset <> flows.first_offset"
	kept := make(map[string]bool)
	for _, c := range words("status outcome started_at ended_at first_offset events deviations stalls trace_id reason") {
		kept[c] = true
	}
	return strings.Join(assign(columns, func(c string) string {
		if kept[c] {
			return "CASE WHEN " + forgotten + " THEN flows." + c + " ELSE excluded." + c + " END"
		}
		return "excluded." + c
	}, words("choreography id listed_at")), ", ")
}
