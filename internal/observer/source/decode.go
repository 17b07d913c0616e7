package source

import (
	"errors"
	"fmt"
	"strings"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/laban-io/laban/internal/observer/config"
	"github.com/laban-io/laban/internal/observer/mapping"
	"github.com/laban-io/laban/internal/observer/record"
	"github.com/laban-io/laban/pkg/amqpbus"
	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
	"github.com/laban-io/laban/pkg/flow"
)

// decoder makes items of what a log has. It follows the mappings that the log
// states.
type decoder struct {
	prefix string
	taps   []tap
	// byExchange remembers which tap an exchange's messages are read by.
	byExchange map[string]*tap
}

type tap struct {
	pattern string
	mapping mapping.Mapping
}

// maxExchanges bounds what is remembered of exchanges.
const maxExchanges = 10_000

func newDecoder(prefix string, m record.Mapping) *decoder {
	d := &decoder{prefix: prefix}
	d.use(m)
	return d
}

// use takes over mappings. One that can't be read is left out: it was stated by
// a later version.
func (d *decoder) use(m record.Mapping) {
	d.taps, d.byExchange = nil, map[string]*tap{}
	for _, t := range m.Taps {
		if parsed, err := mapping.Parse(t); err == nil {
			d.taps = append(d.taps, tap{t.Exchange, parsed})
		}
	}
}

// tapOf returns how messages of an exchange are read, or nil. A name comes
// before patterns.
func (d *decoder) tapOf(exchange string) *tap {
	if t, ok := d.byExchange[exchange]; ok {
		return t
	}
	var found *tap
	for i := range d.taps {
		t := &d.taps[i]
		if t.pattern == exchange {
			found = t
			break
		}
		if found == nil && config.Matches(t.pattern, exchange) {
			found = t
		}
	}
	if len(d.byExchange) < maxExchanges {
		d.byExchange[exchange] = found
	}
	return found
}

// delivery reads one message of a stream.
func (d *decoder) delivery(m *amqp.Delivery, to *Item) {
	if d.tapOf(m.Exchange) == nil {
		if r, native := amqpbus.ReadRecord(d.prefix, m); native {
			d.record(&r, to)
			to.exchange, to.key, to.id, to.Data = m.Exchange, m.RoutingKey, m.MessageId, m.Body
			return
		}
	}
	*to = Item{
		Offset: amqpbus.Offset(m), Tap: m.Exchange, ContentType: m.ContentType, Data: m.Body,
		exchange: m.Exchange, key: m.RoutingKey, id: m.MessageId,
	}
	t := d.tapOf(m.Exchange)
	if t == nil {
		to.Kind, to.Reason = Malformed, "no-mapping"
		to.Detail = "nothing says how messages of the exchange " + m.Exchange + " are read"
		return
	}
	e, err := t.mapping.Event(&event.Binary{
		MessageID: m.MessageId, Type: m.Type, CorrelationID: m.CorrelationId, AppID: m.AppId, ContentType: m.ContentType,
		Timestamp: m.Timestamp, RoutingKey: m.RoutingKey, Headers: m.Headers, Body: m.Body,
	})
	if err != nil {
		to.Kind, to.Reason, to.Detail = Malformed, "unknown", err.Error()
		var unreadable *mapping.Unreadable
		if errors.As(err, &unreadable) {
			to.Reason = unreadable.Reason
		}
		return
	}
	e.Offset = to.Offset
	to.Event = e
}

// record reads one native record.
func (d *decoder) record(r *bus.LogRecord, to *Item) {
	*to = Item{
		Offset: r.Offset, ContentType: r.Event.DataContentType, Data: r.Event.Data,
		exchange: r.Exchange, key: r.RoutingKey, id: r.Event.ID,
	}
	if r.Kind == bus.RecordRedriven {
		to.Kind, to.Own = Own, redriven(r)
		return
	}
	if r.Malformed != nil {
		to.Kind, to.Reason, to.Detail = Malformed, "not-an-event", r.Malformed.Error()
		return
	}
	e := &r.Event
	switch r.Kind {
	case bus.RecordDirect:
		d.direct(e, to)
	case bus.RecordRedriven: // as above
	case bus.RecordRetry, bus.RecordDead:
		to.Kind = Failure
		to.Failure = flow.Failure{
			Place: flow.Place{Offset: r.Offset}, EventID: e.ID, Type: e.Type, FlowName: e.FlowName, FlowID: e.FlowID, Key: e.Subject,
			Service: r.Service, Parked: r.Kind == bus.RecordDead, Attempt: r.Attempt,
			// The attempts are told beside it.
			Error: strings.TrimPrefix(r.Error, fmt.Sprintf("%v: attempt %d: ", bus.ErrExhausted, r.Attempt)),
		}
	case bus.RecordEvent:
		to.Event = eventOf(e, r.Offset, r.Headers["traceparent"])
	}
}

// redriven reads the copy that was sent as the record of its sending.
func redriven(r *bus.LogRecord) record.Redriven {
	e := &r.Event
	kind, before, _ := strings.Cut(r.Headers[bus.HeaderRedriveOf], " ")
	return record.Redriven{
		EventID: e.ID, EventSource: e.Source, EventType: e.Type, FlowName: e.FlowName, FlowID: e.FlowID, Key: e.Subject, Service: r.Service,
		Kind: kind, Before: before, Reason: r.Headers[bus.HeaderRedriveReason], By: r.Headers[bus.HeaderRedriveBy],
	}
}

func eventOf(e *event.Event, offset uint64, traceparent string) flow.Event {
	return flow.Event{
		Place: flow.Place{Offset: offset}, ID: e.ID, Source: e.Source, Type: e.Type, Key: e.Subject,
		FlowName: e.FlowName, FlowID: e.FlowID, CausationID: e.CausationID,
		Time: e.Time, TriggerTime: e.TriggerTime, Version: e.ServiceVersion, Trace: mapping.ParseTraceparent(traceparent),
	}
}

// direct reads what was put into the log only.
func (d *decoder) direct(e *event.Event, to *Item) {
	if e.Type == bus.AnnouncementType {
		var a bus.Announcement
		if err := e.Decode(&a); err != nil || !reasonable(&a) {
			to.Kind, to.Reason, to.Detail = Malformed, "announcement", "an announcement that can't be read"
			return
		}
		to.Kind = Announcement
		to.Announcement = flow.Announcement{
			Place: flow.Place{Offset: to.Offset}, Service: a.Service, Version: a.Version, Instance: a.Instance,
			Queue: a.Queue, Bindings: a.Bindings, Emits: a.Emits,
		}
		if n := len(a.RetryLevels); n > 0 {
			to.Announcement.Attempts = n + 1
		}
		return
	}
	if !strings.HasPrefix(e.Type, record.Prefix) {
		to.Kind, to.Reason, to.Detail = Malformed, "direct", "a message that was put into the log past all exchanges, and is no observer's"
		return
	}
	own, err := record.Decode(*e)
	if errors.Is(err, record.ErrUnknownType) {
		to.Kind = Other
		return
	}
	if err != nil {
		to.Kind, to.Reason, to.Detail = Malformed, "record", err.Error()
		return
	}
	to.Kind, to.Own = Own, own
	if m, ok := own.(record.Mapping); ok {
		d.use(m)
	}
}

// reasonable tells whether an announcement is within bounds.
func reasonable(a *bus.Announcement) bool {
	const most, longest = 1000, event.MaxAttribute
	if a.Service == "" || len(a.Bindings) > most || len(a.Emits) > most || len(a.RetryLevels) > most {
		return false
	}
	for _, list := range [][]string{{a.Service, a.Version, a.Instance, a.Queue}, a.Bindings, a.Emits} {
		for _, text := range list {
			if len(text) > longest {
				return false
			}
		}
	}
	return true
}
