package parked

import (
	"context"
	"fmt"
	"slices"

	"github.com/laban-io/laban/internal/observer/api"
)

// Preview is what is known of a message's flow, and what sending the message
// again would do.
type Preview struct {
	Message Message `json:"message"`
	// Status is that of its flow; empty where it has none, or it is not known.
	Status string `json:"status,omitempty"`
	// Standing says in a sentence how far the flow has come meanwhile, and Effect
	// what sending the message again would do.
	Standing string `json:"standing"`
	Effect   string `json:"effect"`
	// Refused tells that it is not sent again unless that is forced.
	Refused bool `json:"refused"`
}

// Preview says of each message what sending it again would do. It changes
// nothing. Messages are refused whose flow has gone on without them, is
// contradictory, or has ended, and all where nobody can say.
func (d *Desk) Preview(ctx context.Context, messages []Message) ([]Preview, error) {
	all := make([]Preview, len(messages))
	type name struct{ choreography, id string }
	known := map[name]*api.Detail{}
	for i := range messages {
		m := &messages[i]
		p := &all[i]
		p.Message, p.Effect = m.bare(), effect(m)
		if m.FlowID == "" {
			p.Standing = "It belongs to no flow."
			continue
		}
		if d.flows == nil {
			p.Refused, p.Standing = true, "No observer was asked, so nobody knows how far its flow has come."
			continue
		}
		n := name{m.FlowName, m.FlowID}
		f, asked := known[n]
		if !asked {
			var err error
			if f, err = d.flows.Flow(ctx, n.choreography, n.id); err != nil {
				return nil, fmt.Errorf("ask how far the flow %s has come: %w", n.id, err)
			}
			known[n] = f
		}
		p.judge(f)
	}
	return all, nil
}

// effect says what sending a message again does, whatever its flow is at.
func effect(m *Message) string {
	if m.Kind == Unrouted {
		return fmt.Sprintf("%s is published again, to whoever asks for it by now.", m.Type)
	}
	return fmt.Sprintf("%s processes %s again, beginning at its first attempt.", m.Service, m.Type)
}

// judge says how far the flow has come.
func (p *Preview) judge(f *api.Detail) {
	m := &p.Message
	if f == nil {
		p.Refused, p.Standing = true, "The observer does not know its flow: it is over for long, or began before the log does."
		return
	}
	p.Status = f.Status
	name := f.Choreography + " " + f.Key
	number := 0
	for i := range f.Events {
		if f.Events[i].ID == m.ID {
			number = f.Events[i].Number
		}
	}
	var open, met, void *api.Obligation
	for i := range f.Obligations {
		o := &f.Obligations[i]
		if number == 0 || o.Trigger != number || m.Service != "" && o.Service != m.Service {
			continue
		}
		switch o.State {
		case "open":
			open = o
		case "met":
			met = o
		case "void":
			void = o
		}
	}
	switch {
	case f.Status == "inconsistent":
		p.Refused, p.Standing = true, name+" is inconsistent: it has contradictory outcomes. Find out which one holds before anything is sent again."
	case f.Status == "closed":
		p.Refused, p.Standing = true, name+" was closed by a person"+because(f.Reason)+"."
	case open != nil:
		p.Standing = name + " still waits for it" + overdue(open) + "."
		p.Effect += " It is to answer " + api.Alternatives(open.For) + "."
	case met != nil:
		p.Refused = true
		p.Standing = fmt.Sprintf("%s has moved on: %s has answered%s.", name, met.Service, by(f, met.PaidBy))
	case ended(f.Status):
		p.Refused, p.Standing = true, name+" has ended: it is "+f.Status+"."
	case f.Status == "compensating":
		p.Refused, p.Standing = true, name+" is being compensated: it has failed, and steps are being undone."
	case void != nil:
		p.Refused, p.Standing = true, name+" does not wait for it any more: what "+void.Service+" owed was lifted."
	case f.Status == "unknown":
		p.Refused, p.Standing = true, "Nothing is claimed of "+name+": its beginning was not seen, or the log has a gap."
	default:
		p.Standing = name + " is " + f.Status + ", and waits for nothing that comes of it."
	}
}

// overdue says that an obligation's time is up.
func overdue(o *api.Obligation) string {
	if !o.Overdue {
		return ""
	}
	return ", and it is overdue"
}

func because(reason string) string {
	if reason == "" {
		return ""
	}
	return " (" + api.Plain(reason) + ")"
}

// by names the event that met an obligation.
func by(f *api.Detail, number int) string {
	i := slices.IndexFunc(f.Events, func(e api.Event) bool { return e.Number == number })
	if number == 0 || i < 0 {
		return ""
	}
	return " with " + f.Events[i].Type
}

func ended(status string) bool {
	return status == "completed" || status == "failed" || status == "closed"
}
