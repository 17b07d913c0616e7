package observer

import (
	"context"
	"encoding/hex"
	"log/slog"

	"github.com/laban-io/laban/internal/observer/config"
	"github.com/laban-io/laban/pkg/flow"
)

// maxLines is how many lines the transitions of one batch are told in; the rest
// is counted in one more. The ledger has them all.
const maxLines = 50

// say writes stalls, recoveries and ends as log lines.
func (o *Observer) say(transitions []flow.Transition) {
	ctx := context.Background()
	lines := 0
	for i := range transitions {
		t := &transitions[i]
		var message string
		level := slog.LevelInfo
		switch t.Kind {
		case flow.Overdue:
			level, message = slog.LevelWarn, "stalled"
		case flow.Reasoned:
			message = "the cause of a stall is another one now"
		case flow.Recovered:
			message = "recovered"
		case flow.Shut:
			message = "closed"
		case flow.Ended:
			level, message = slog.LevelDebug, "ended"
		case flow.Changed:
			if t.To != flow.Inconsistent {
				continue
			}
			level, message = slog.LevelError, "inconsistent"
		default:
			continue
		}
		if !o.log.Enabled(ctx, level) {
			continue
		}
		if lines++; lines > maxLines {
			continue
		}
		attrs := []slog.Attr{
			slog.String("choreography", t.Choreography), slog.String("key", t.Key), slog.String("flow", t.FlowID),
		}
		if t.Due.Step != "" {
			attrs = append(attrs, slog.String("step", t.Due.Step), slog.String("service", t.Due.Service), slog.Time("deadline", t.Due.Deadline))
		}
		if t.Kind == flow.Overdue || t.Kind == flow.Reasoned {
			attrs = append(attrs, slog.String("cause", t.Finding.Cause.String()), slog.String("evidence", t.Finding.Evidence))
		}
		if t.Kind == flow.Ended {
			attrs = append(attrs, slog.String("outcome", t.Class.String()), slog.Duration("took", t.Duration))
		}
		if t.Detail != "" {
			attrs = append(attrs, slog.String("detail", t.Detail))
		}
		if t.FlowTrace != [16]byte{} {
			attrs = append(attrs, slog.String("trace_id", hex.EncodeToString(t.FlowTrace[:])))
		}
		o.log.LogAttrs(ctx, level, message, attrs...) //nolint:sloglint // one of those above
	}
	if lines > maxLines {
		o.log.WarnContext(ctx, "and more of the kind; the ledger has them all", "left_out", lines-maxLines)
	}
}

func tapMatches(pattern, exchange string) bool { return config.Matches(pattern, exchange) }
