package record

import (
	"errors"

	"github.com/laban-io/laban/pkg/flow"
)

// Stray is a message that ended where no service receives it.
type Stray struct {
	EventID   string `json:"event_id"`
	EventType string `json:"event_type"`
	FlowName  string `json:"flow_name,omitempty"`
	FlowID    string `json:"flow_id,omitempty"`
	Key       string `json:"key,omitempty"`
	// Service is whose copy it was, of a lost one.
	Service string `json:"service,omitempty"`
	// Stream and Offset say where the message itself is.
	Stream string `json:"stream"`
	Offset uint64 `json:"offset"`
	// Lost tells that it is a copy to be retried or parked. It travels as the
	// event's type.
	Lost bool `json:"-"`
}

// Type is [LostType] or [UnroutedType].
func (s Stray) Type() string {
	if s.Lost {
		return LostType
	}
	return UnroutedType
}

func (s Stray) check() error {
	return short(maxName, "event_id", s.EventID, "event_type", s.EventType, "flow_name", s.FlowName,
		"flow_id", s.FlowID, "key", s.Key, "service", s.Service, "stream", s.Stream)
}

// Flow returns the stray as the tracker takes it.
func (s *Stray) Flow(offset uint64) flow.Stray {
	return flow.Stray{
		Place: flow.Place{Offset: offset}, EventID: s.EventID, Type: s.EventType,
		FlowName: s.FlowName, FlowID: s.FlowID, Key: s.Key, Service: s.Service, Lost: s.Lost,
	}
}

// Closed is a person's word that a flow is over.
type Closed struct {
	Choreography string `json:"choreography"`
	FlowID       string `json:"flow_id"`
	Reason       string `json:"reason"`
	By           string `json:"by,omitempty"`
}

// Type is [ClosedType].
func (Closed) Type() string { return ClosedType }

func (c Closed) check() error {
	if c.Choreography == "" || c.FlowID == "" {
		return errors.New("no choreography or no flow")
	}
	if c.Reason == "" {
		return errors.New("no reason")
	}
	return errors.Join(short(maxName, "choreography", c.Choreography, "flow_id", c.FlowID, "by", c.By),
		short(maxSentence, "reason", c.Reason))
}

// Flow returns the closing as the tracker takes it.
func (c *Closed) Flow(offset uint64) flow.Closing {
	return flow.Closing{Place: flow.Place{Offset: offset}, Choreography: c.Choreography, FlowID: c.FlowID, Reason: c.Reason, By: c.By}
}

// Redriven tells that a person put a parked message back into its service's
// queue, or discarded it. Of a message that was sent again it is read from the
// copy itself ([bus.RecordRedriven]); only discarding writes one.
type Redriven struct {
	EventID     string `json:"event_id"`
	EventSource string `json:"event_source,omitempty"`
	EventType   string `json:"event_type,omitempty"`
	FlowName    string `json:"flow_name,omitempty"`
	FlowID      string `json:"flow_id,omitempty"`
	Key         string `json:"key,omitempty"`
	// Service is whose copy it was, empty of an event that no queue asked for.
	Service string `json:"service,omitempty"`
	// Kind is where it was: "parked", "lost" or "unrouted". Before is the mark of
	// the redrive that had brought it there, if one had.
	Kind      string `json:"kind,omitempty"`
	Before    string `json:"before,omitempty"`
	Discarded bool   `json:"discarded,omitempty"`
	Reason    string `json:"reason,omitempty"`
	By        string `json:"by,omitempty"`
}

// Type is [RedrivenType].
func (Redriven) Type() string { return RedrivenType }

func (r Redriven) check() error {
	if r.EventID == "" || r.Service == "" && r.Kind != "unrouted" {
		return errors.New("no event or no service")
	}
	return errors.Join(short(maxName, "event_id", r.EventID, "event_source", r.EventSource, "event_type", r.EventType,
		"flow_name", r.FlowName, "flow_id", r.FlowID, "key", r.Key, "service", r.Service, "kind", r.Kind, "before", r.Before, "by", r.By),
		short(maxSentence, "reason", r.Reason))
}

// Flow returns the redrive as the tracker takes it.
func (r *Redriven) Flow(offset uint64) flow.Redrive {
	return flow.Redrive{
		Place: flow.Place{Offset: offset}, EventID: r.EventID, FlowName: r.FlowName, FlowID: r.FlowID, Key: r.Key, Service: r.Service,
	}
}
