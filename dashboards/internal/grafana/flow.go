package grafana

// ledgerVariable offers rows of the ledger.
func ledgerVariable(name, label, description, query string) Variable {
	return Variable{
		Name: name, Label: label, Description: description, Type: "query", Datasource: source(postgres()),
		Query: query, Definition: query, Refresh: 2,
	}
}

// flow answers: what happened in one flow, and what is owed to it?
func flow() Dashboard {
	const of = `flow = ${flow:sqlstring}`
	trace := func(kind, title, description string) Panel {
		return Panel{
			Type: kind, Title: title, Description: description, Datasource: source(jaeger()),
			Targets: []Target{{RefID: "A", Datasource: jaeger(), Query: "${trace}"}},
			Fields:  &Fields{Defaults: Field{Unit: "short", NoValue: nothing, Thresholds: &Thresholds{"absolute", []Step{base("text")}}}, Overrides: []Override{}},
		}
	}
	good := map[string]string{"completed": "green", "running": "blue", "compensating": "orange", "failed": "orange", "stalled": "red", "inconsistent": "red"}
	return newBoard("laban-flow", "Laban / One flow", "What happened in one flow, and what is owed to it?",
		[]Variable{
			postgresVariable(), jaegerVariable(),
			textVariable("key", "Key", "What people call the flow, such as the order's number; its id does as well."),
			ledgerVariable("flow", "Flow", "Flows with this key, the newest first.", `SELECT id FROM flows WHERE key = ${key:sqlstring} OR id = ${key:sqlstring} ORDER BY listed_at DESC LIMIT 50`),
			ledgerVariable("trace", "Trace", "The flow's traces. What is redriven long after has one of its own.",
				`SELECT t.trace_id FROM (SELECT trace_id, 1 AS number FROM flows WHERE id = ${flow:sqlstring} UNION ALL SELECT trace_id, number FROM flow_traces WHERE flow = ${flow:sqlstring}) t ORDER BY t.number`),
		},
		across(5,
			wide(18, table("Flow", "What is known of it. Type its key above.",
				sql(`SELECT key, choreography, status, outcome, started_at, ended_at, duration_ms, events, stalls, deviations, reason, id AS flow
FROM flow_view WHERE key = ${key:sqlstring} OR id = ${key:sqlstring} ORDER BY listed_at DESC LIMIT 50`),
				column("key", leads(Link{Title: "Journey", URL: "${laban_url}/flows/${__data.fields.flow:percentencode}", TargetBlank: true})),
				column("status", words(good)...), column("duration_ms", unit("ms")), column("started_at", unit("dateTimeAsIso")), column("ended_at", unit("dateTimeAsIso")))),
			wide(6, note("Where is it?", "How to read this page.", "Type a key above, such as an order's number. The [journey](${laban_url}/flows/${flow}) says in one sentence where the flow is, and where its time went; in a terminal `laban where ${key}` does.")),
		),
		across(8,
			wide(12, table("What is and was owed", "A step is owed from the moment of its trigger, and overdue after its deadline.",
				sql(`SELECT service, step, state, owed_since, deadline, overdue_since, cause, certainty, evidence FROM obligation_view WHERE `+of+` ORDER BY number`),
				column("state", words(map[string]string{"met": "green", "open": "orange", "dormant": "text", "void": "text"})...),
				column("owed_since", unit("dateTimeAsIso")), column("deadline", unit("dateTimeAsIso")), column("overdue_since", unit("dateTimeAsIso")))),
			wide(12, table("Events", "In the order of the log. Time in hand is by the clock of the service.",
				sql(`SELECT number, at, type, source, version, cause, EXTRACT(EPOCH FROM time - trigger_time) * 1000 AS in_hand FROM event_view WHERE `+of+` ORDER BY id`),
				column("at", unit("dateTimeAsIso")), column("in_hand", unit("ms")), column("number", width(80)), column("cause", width(80)))),
		),
		across(7,
			wide(12, table("Attempts that failed", "Each with its error.",
				sql(`SELECT log_time, kind, service, type, attempt, attempts, error FROM failure_view WHERE `+of+` ORDER BY id`),
				column("log_time", unit("dateTimeAsIso")))),
			wide(12, table("What changed, and when it became known", "Everything the observer noted, the newest first.",
				sql(`SELECT at, kind, from_status, to_status, step, service, cause, evidence, detail FROM transition_view WHERE `+of+` ORDER BY id DESC LIMIT 500`),
				column("at", unit("dateTimeAsIso")))),
		),
		across(18, wide(24, trace("traces", "Trace", "The whole flow. A red bar named stalled is where it stopped: from the event that nobody answered to the deadline."))),
		across(10, wide(24, trace("nodeGraph", "Who told whom", "The same trace as a graph of its spans; needs the node graph to be on in the data source."))),
	)
}
