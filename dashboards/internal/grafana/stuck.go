package grafana

// chosen limits a query of the ledger to the chosen choreographies. The variable
// is a regular expression: that of all is .*.
const chosen = `~ '^(${choreography:regex})$'`

// journeys are the links of a flow's row.
func journeys() []Link {
	return []Link{
		{Title: "One flow: events, obligations, trace", URL: at("laban-flow", "${postgres:queryparam}", "${jaeger:queryparam}", "var-key=${__data.fields.key:percentencode}")},
		{Title: "Journey", URL: "${laban_url}/flows/${__data.fields.flow:percentencode}", TargetBlank: true},
	}
}

// stuck answers: which flows are stuck or went wrong, whose turn is it, and why?
func stuck() Dashboard {
	const c = `{choreography=~"$choreography",service=~"$service"}`
	return newBoard("laban-stuck", "Laban / Stuck & failed", "Which flows are stuck or went wrong, whose turn is it, and why?",
		[]Variable{postgresVariable(), jaegerVariable(), choreographyVariable(), serviceVariable("laban_flows_stalled")},
		heading("Stuck"),
		across(4,
			wide(6, stat("Stalled", "Obligations that are overdue now.", "short", quietUntil(1, "red"),
				now(`sum(choreography_step_service_cause:laban_flows_stalled:max`+c+`)`, "stalled"))),
			wide(6, stat("Overdue the longest", "How long ago the oldest deadline passed that is still owed.", "s", []Step{base("green"), from(1, "red")},
				now(`time() - min(laban_flow_stalled_example_timestamp_seconds`+c+`)`, "overdue for"))),
			wide(6, drilled(stat("Parked messages", "Messages that services gave up on, and that wait for a person.", "short", quietUntil(1, "orange"),
				now(`sum(rabbitmq_detailed_queue_messages_ready{queue=~".+[.]parked"})`, "parked")), Link{Title: "Parked messages", URL: "${laban_url}/parked", TargetBlank: true})),
			wide(6, stat("Inconsistent, 24 h", "Flows that ended both well and badly, or had something undone that was not done.", "short", quietUntil(1, "red"),
				now(`sum(increase(laban_flows_inconsistent_total{choreography=~"$choreography"}[24h]))`, "inconsistent"))),
		),
		across(10,
			wide(24, table("What is stuck", "Every obligation that is overdue, the longest first, at most 500. The key leads to the flow.",
				sql(`SELECT f.key, o.service, o.step, o.cause, EXTRACT(EPOCH FROM now() - o.deadline) AS overdue, o.deadline, o.evidence, f.choreography, f.id AS flow, f.trace_id AS trace
FROM obligation_view o JOIN flow_view f ON f.choreography = o.choreography AND f.id = o.flow
WHERE o.state = 'open' AND o.overdue_since IS NOT NULL AND f.choreography `+chosen+` AND o.service ~ '^(${service:regex})$'
ORDER BY o.deadline LIMIT 500`),
				column("key", leads(journeys()...), width(180)),
				column("overdue", append(painted(base("orange"), from(600, "red")), unit("s"), width(110))...),
				column("deadline", unit("dateTimeAsIso"), width(170)), column("service", width(120)), column("cause", width(120)),
				column("flow", hidden()), column("trace", leads(Link{Title: "Trace", URL: at("laban-flow", "${postgres:queryparam}", "${jaeger:queryparam}", "var-key=${__data.fields.key:percentencode}", "var-trace=${__value.raw}")}), width(140)))),
		),
		heading("Causes"),
		across(8,
			wide(12, stacked(series("Stalls by cause", "Obligations that became overdue, by the cause that was known then.", "cps", []Step{base("green")},
				exemplary(query(`sum by (cause) (rate(laban_stalls_total`+c+`[$__rate_interval])) > 0`, "{{cause}}"))))),
			wide(12, stacked(series("Stalled now, by service and cause", "Obligations that are overdue.", "short", []Step{base("green")},
				query(`sum by (service, cause) (choreography_step_service_cause:laban_flows_stalled:max`+c+`) > 0`, "{{service}}: {{cause}}")))),
		),
		heading("Failed"),
		across(9,
			wide(14, table("Attempts that failed", "The newest messages that were parked, lost or reached nobody, at most 200.",
				sql(`SELECT x.log_time, x.kind, x.service, x.type, x.error, x.attempt, f.key, x.flow
FROM failure_view x LEFT JOIN flow_view f ON f.choreography = x.choreography AND f.id = x.flow
WHERE x.kind <> 'retried' AND $__timeFilter(x.log_time) AND x.service ~ '^(${service:regex})$'
ORDER BY x.id DESC LIMIT 200`),
				column("log_time", unit("dateTimeAsIso"), width(170)), column("kind", width(90)), column("key", leads(journeys()...)), column("flow", hidden()))),
			wide(10, table("Inconsistent, unknown and closed flows", "The newest, at most 200.",
				sql(`SELECT v.key, v.status, v.outcome, v.listed_at AS started, v.reason, v.id AS flow
FROM flows f JOIN flow_view v ON v.choreography = f.choreography AND v.id = f.id
WHERE f.status IN ('inconsistent', 'unknown', 'closed') AND f.choreography `+chosen+` AND f.listed_at BETWEEN $__from::bigint * 1000000 AND $__to::bigint * 1000000
ORDER BY f.listed_at DESC LIMIT 200`),
				column("key", leads(journeys()...)), column("flow", hidden()), column("started", unit("dateTimeAsIso"), width(170)),
				column("status", words(map[string]string{"inconsistent": "red", "unknown": "orange", "closed": "text"})...))),
		),
		across(8, wide(24, Panel{
			Type: "table", Title: "Traces with a stall", Description: "Found by the marker that the observer adds to a flow's own trace.",
			Datasource: source(jaeger()), Targets: []Target{{
				RefID: "A", Datasource: jaeger(), QueryType: "search", Service: "laban-observer", Tags: "laban.flow.status=stalled", Limit: 50,
			}},
			Fields:  &Fields{Defaults: Field{Unit: "short", NoValue: nothing, Thresholds: &Thresholds{"absolute", []Step{base("text")}}}, Overrides: []Override{}},
			Options: map[string]any{"showHeader": true, "cellHeight": "sm"},
		})),
	)
}

func source(s Source) *Source { return &s }
