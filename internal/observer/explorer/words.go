package explorer

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"html/template"
	"math"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/laban-io/laban/internal/ledger"
	"github.com/laban-io/laban/internal/observer/api"
)

func (x *Explorer) functions() template.FuncMap {
	return template.FuncMap{
		"asset": func(name string) string { return "/assets/" + name + "?v=" + x.assets[name].hash },
		"clock": x.clock, "full": x.full, "iso": func(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) },
		"lasting": api.Lasting, "brief": brief, "ms": milliseconds, "either": alternatives, "number": number, "glyph": glyph, "plain": plain,
		"flow": flowAddress, "words": causeWords, "advice": advice, "runbook": runbook, "join": func(s []string) string { return strings.Join(s, ", ") },
		"choreography": func(name string) string { return "/choreographies/" + url.PathEscape(name) },
		"rate":         perSecond,
		"anchor":       anchor,
		"offset":       offset,
		"acted":        func(a ledger.Action) string { return acted(&a) },
		"status":       statusWords, "unclaimed": unclaimedWords, "lower": strings.ToLower,
	}
}

// clock is a time of day, with the date where it is not that of log time.
func (x *Explorer) clock(t time.Time) string {
	if t.IsZero() {
		return "–"
	}
	t = t.In(x.cfg.Location)
	now := x.cfg.Observer.Status().Log.Time.In(x.cfg.Location)
	if t.Format(time.DateOnly) == now.Format(time.DateOnly) {
		return t.Format("15:04:05")
	}
	return t.Format("2 Jan 15:04:05")
}

func (x *Explorer) full(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(x.cfg.Location).Format("2006-01-02 15:04:05.000 MST")
}

// milliseconds writes a duration to three digits at most.
func milliseconds(ms float64) string {
	trimmed := func(v float64, digits int) string {
		return strings.TrimSuffix(strings.TrimRight(strconv.FormatFloat(v, 'f', digits, 64), "0"), ".")
	}
	switch {
	case ms <= 0:
		return "0 ms"
	case ms < 0.05:
		return "< 0.1 ms"
	case ms < 10:
		return trimmed(ms, 1) + " ms"
	case ms < 1000:
		return strconv.Itoa(int(math.Round(ms))) + " ms"
	case ms < 10_000:
		return trimmed(ms/1000, 2) + " s"
	default:
		return api.Lasting(time.Duration(ms * float64(time.Millisecond)))
	}
}

// brief is how long something took, as exactly as it is short.
func brief(d time.Duration) string {
	if d < 10*time.Millisecond {
		return milliseconds(float64(d) / float64(time.Millisecond))
	}
	return api.Lasting(d)
}

// offset is how far a clock is from log time.
func offset(d time.Duration) string {
	if d < 0 {
		return api.Lasting(-d) + " behind"
	}
	return api.Lasting(d) + " ahead"
}

// number groups digits by thin spaces.
func number(n any) string {
	text := fmt.Sprint(n)
	var b strings.Builder
	for i, r := range text {
		if i > 0 && (len(text)-i)%3 == 0 && text[0] != '-' {
			b.WriteRune('\u202f')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// plain shows what a message says: what is not meant to be seen becomes U+FFFD,
// but for the characters that join emoji and letters, which can't do harm inside
// an element that isolates its direction.
func plain(text string) string {
	const joiner, nonJoiner = '\u200d', '\u200c'
	var b strings.Builder
	for _, r := range text {
		if r == joiner || r == nonJoiner || r == '\n' {
			b.WriteRune(r)
			continue
		}
		b.WriteString(api.Plain(string(r)))
	}
	return b.String()
}

func alternatives(all []string) string { return plain(api.Alternatives(all)) }

// flowAddress is that of a flow's page.
func flowAddress(choreography, id string) string {
	return "/flows/" + url.PathEscape(id) + "?choreography=" + url.QueryEscape(choreography)
}

// anchor is the id of a flow's row, whatever its own id is made of.
func anchor(choreography, id string) string {
	sum := sha256.Sum256([]byte(choreography + "\x00" + id))
	return "f" + hex.EncodeToString(sum[:8])
}

// glyph is the shape of a status, which says the same as its colour.
func glyph(status string) string {
	switch status {
	case "running":
		return "▸"
	case "compensating":
		return "↺"
	case "stalled":
		return "!"
	case "completed":
		return "✓"
	case "failed":
		return "✕"
	case "inconsistent":
		return "≠"
	case "closed":
		return "■"
	default:
		return "?"
	}
}

// unclaimedWords explains why no flow took events; see [flow.Unclaimed].
func unclaimedWords(reason string) string {
	switch reason {
	case "no-choreography":
		return "no contract names their type"
	case "no-key":
		return "they do not say which flow they belong to"
	case "no-room":
		return "there were too many flows at once"
	default:
		return reason
	}
}

// statusWords explains a status.
func statusWords(status string) string {
	switch status {
	case "running":
		return "goes on, and nothing is overdue"
	case "compensating":
		return "failed, and somebody still owes it something"
	case "stalled":
		return "somebody has not answered in time"
	case "completed":
		return "ended well, and owes nothing"
	case "failed":
		return "ended badly, and owes nothing"
	case "inconsistent":
		return "good and bad outcomes, or something undone that was not done"
	case "closed":
		return "a person, or the contract's time limit, ended it"
	default:
		return "nothing is claimed: its start was not seen, or a gap in the log touches it"
	}
}

// causeWords is a cause as people say it.
func causeWords(cause string) string {
	switch cause {
	case "unrouted":
		return "no queue took the event"
	case "not-bound":
		return "the service's queue does not ask for the event"
	case "lost":
		return "the copy to try again found no queue"
	case "parked":
		return "the service gave up and parked the message"
	case "retrying":
		return "the service failed and is trying again"
	case "no-consumer":
		return "nobody consumes the service's queue"
	case "backlog":
		return "messages wait in the service's queue"
	case "taken":
		return "the service took messages and has not settled them"
	case "silent":
		return "the service settled everything and emitted nothing"
	case "dead-end":
		return "no outcome, and nobody owes anything"
	default:
		return "not known"
	}
}

// advice is what a person can do about a cause.
func advice(cause string) string {
	switch cause {
	case "unrouted":
		return "Bind a queue to this event, then publish it again from the service that emitted it."
	case "not-bound":
		return "Compare what the service subscribes to with the contract: a handler for this event is missing, or its name has a slip."
	case "lost":
		return "The retry or parking queue was missing when it was needed. Start the service, which declares it, and publish the event again."
	case "parked":
		return "Read the error, mend what it names, and send the message again."
	case "retrying":
		return "Wait for the next attempt, or look at the error that it fails with."
	case "no-consumer":
		return "Start the service, or look at why it stopped."
	case "backlog":
		return "The service is slower than what comes in. Look at its load, and add instances if it is only busy."
	case "taken":
		return "The service is stuck or very slow in its handler. Look at its traces and its log."
	case "silent":
		return "The service handled the event without answering: look for a path in its handler that emits nothing."
	case "dead-end":
		return "Neither an outcome nor a next step came. Either the contract lacks a reaction, or a service emitted an event that leads nowhere."
	default:
		return "Look at the service's log and traces for this flow."
	}
}

const runbooks = "https://github.com/laban-io/laban/blob/main/docs/runbooks/"

// runbook is where it is written what to do.
func runbook(cause string) string {
	switch cause {
	case "parked":
		return runbooks + "LabanMessagesParked.md"
	case "unrouted":
		return runbooks + "LabanMessagesUnrouted.md"
	case "lost":
		return runbooks + "LabanMessagesLost.md"
	case "no-consumer":
		return runbooks + "LabanNoConsumer.md"
	case "inconsistent":
		return runbooks + "LabanFlowInconsistent.md"
	default:
		return runbooks + "LabanFlowStalled.md"
	}
}

// link fills a template of the configuration. Only web addresses are links.
func link(template, trace, id, key string) string {
	if !strings.HasPrefix(template, "http://") && !strings.HasPrefix(template, "https://") {
		return ""
	}
	if strings.Contains(template, "{trace_id}") && trace == "" {
		return ""
	}
	return strings.NewReplacer("{trace_id}", url.QueryEscape(trace), "{flow_id}", url.QueryEscape(id), "{key}", url.QueryEscape(key)).Replace(template)
}
