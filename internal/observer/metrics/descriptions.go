package metrics

import "github.com/prometheus/client_golang/prometheus"

// descriptions are what the metrics are called and mean.
type descriptions struct {
	inFlight, stalled, started, finished, clean, spoiled *prometheus.Desc
	flowDuration, stepDuration, stalls, example, oldest  *prometheus.Desc
	deviations, events, unclaimed, malformed, gaps       *prometheus.Desc
	lag, pulse, clocks, blind, active                    *prometheus.Desc
	pending, exported, rejected, failures                *prometheus.Desc
	strays, inconsistent, contradiction                  *prometheus.Desc
}

func describe() descriptions {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, labels, nil)
	}
	return descriptions{
		inFlight:     desc("laban_flows_in_flight", "Flows that have not ended.", "choreography", "status"),
		stalled:      desc("laban_flows_stalled", "Obligations that are overdue now, side obligations too.", "choreography", "step", "service", "cause"),
		started:      desc("laban_flows_started_total", "Flows whose start was seen.", "choreography"),
		finished:     desc("laban_flows_finished_total", "Flows that ended, counted at their first end.", "choreography", "outcome"),
		clean:        desc("laban_flows_finished_clean_total", "Flows that ended without having been stalled or inconsistent, counted at their first end.", "choreography"),
		spoiled:      desc("laban_flows_spoiled_total", "Flows that were stalled or inconsistent before their first end, counted when that was first known.", "choreography"),
		inconsistent: desc("laban_flows_inconsistent_total", "Times that a flow became inconsistent, also after its end.", "choreography"),
		contradiction: desc("laban_flow_inconsistent_example_timestamp_seconds", "When the flows that became inconsistent last did so, at most three of a choreography.",
			"choreography", "key", "flow_id", "trace_id"),
		flowDuration: desc("laban_flow_duration_seconds", "Time from a flow's start to its first end.", "choreography", "outcome"),
		stepDuration: desc("laban_step_duration_seconds", "Time from an event to the answer that was owed on it.", "choreography", "step", "service"),
		stalls:       desc("laban_stalls_total", "Obligations that became overdue, by the cause that was known then.", "choreography", "step", "service", "cause"),
		example: desc("laban_flow_stalled_example_timestamp_seconds", "Deadline of the longest overdue obligations, at most three of a step and cause.",
			"choreography", "step", "service", "cause", "key", "flow_id", "trace_id"),
		oldest:     desc("laban_oldest_obligation_timestamp_seconds", "When the oldest open obligation of a step became owed; absent where nothing is owed.", "choreography", "step", "service"),
		deviations: desc("laban_deviations_total", "Departures from the contract.", "choreography", "kind"),
		events:     desc("laban_events_observed_total", "Events that were read from the log."),
		unclaimed:  desc("laban_events_unclaimed_total", "Events that no flow took.", "reason"),
		malformed:  desc("laban_records_malformed_total", "Records of the log that could not be read.", "reason"),
		strays:     desc("laban_messages_stray_total", "Messages that no service receives: events that somebody waits for and no queue took, and copies for which there was no queue.", "kind"),
		gaps:       desc("laban_log_gaps_total", "Breaks of the log, at which records may be missing."),
		lag:        desc("laban_log_lag_seconds", "How far log time is behind the observer's clock."),
		pulse:      desc("laban_last_pulse_timestamp_seconds", "When the last pulse was read; absent before the first."),
		clocks:     desc("laban_clock_offset_seconds", "How far a service's clock is ahead of log time.", "service"),
		blind:      desc("laban_observer_blind", "Whether the observer can say nothing now, and why.", "reason"),
		active:     desc("laban_observer_active", "Whether this observer watches, rather than stands by for another."),
		pending:    desc("laban_markers_pending", "Marker spans that wait to be exported, counted up to 2000."),
		exported:   desc("laban_markers_exported_total", "Marker spans that a collector took, since this process started."),
		rejected:   desc("laban_markers_rejected_total", "Marker spans that a collector refused for good, since this process started."),
		failures:   desc("laban_markers_export_failures_total", "Attempts to export marker spans that failed and are made again, since this process started."),
	}
}

// all returns every description.
func (d *descriptions) all() []*prometheus.Desc {
	return []*prometheus.Desc{
		d.inFlight, d.stalled, d.started, d.finished, d.clean, d.spoiled, d.inconsistent, d.contradiction,
		d.flowDuration, d.stepDuration, d.stalls, d.example, d.oldest,
		d.deviations, d.events, d.unclaimed, d.malformed, d.gaps, d.strays,
		d.lag, d.pulse, d.clocks, d.blind, d.active,
		d.pending, d.exported, d.rejected, d.failures,
	}
}
