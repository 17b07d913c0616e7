package order

import (
	"strings"
	"time"
)

// Order is an order as the API shows it.
type Order struct {
	ID            string        `json:"id" doc:"A ULID; also the key of the order's flow" example:"01JDA4Z3W8Y6T2Q5R7V9X0K1M2"`
	Status        Status        `json:"status" enum:"placed,canceling,shipped,rejected,failed,canceled,inconsistent" doc:"Derived from the history. placed and canceling are under way, the others are ends; inconsistent means that facts exclude each other and a person must look"`
	Reason        string        `json:"reason,omitempty" doc:"Why the order was rejected or failed"`
	CustomerEmail string        `json:"customer_email"`
	Items         []Item        `json:"items"`
	Amount        int64         `json:"amount" doc:"The sum, in minor units of the currency"`
	Currency      string        `json:"currency"`
	ShipTo        string        `json:"ship_to"`
	Tracking      string        `json:"tracking_number,omitempty" doc:"The carrier's number, once shipped"`
	Cancel        *Cancel       `json:"cancel,omitempty" doc:"The customer's request to cancel, if there is one"`
	Compensations Compensations `json:"compensations" doc:"What was undone after the order ended badly"`
	CreatedAt     time.Time     `json:"created_at"`
	UpdatedAt     time.Time     `json:"updated_at"`
	FlowID        string        `json:"flow_id" doc:"The order's run of the choreography"`
	TraceID       string        `json:"trace_id,omitempty" doc:"The trace that shows the whole of it"`
	History       []HistoryItem `json:"history" doc:"What is known, in the order in which it happened as far as clocks agree"`
}

// Summary is an order in a list.
type Summary struct {
	ID            string    `json:"id"`
	Status        Status    `json:"status" enum:"placed,canceling,shipped,rejected,failed,canceled,inconsistent"`
	CustomerEmail string    `json:"customer_email"`
	Amount        int64     `json:"amount" doc:"In minor units of the currency"`
	Currency      string    `json:"currency"`
	CreatedAt     time.Time `json:"created_at"`
	UpdatedAt     time.Time `json:"updated_at"`
}

// Cancel is how a request to cancel stands.
type Cancel struct {
	State       CancelState `json:"state" enum:"requested,accepted,refused"`
	Reason      string      `json:"reason,omitempty" doc:"What the customer gave as the reason"`
	RequestedAt time.Time   `json:"requested_at"`
	AnsweredAt  *time.Time  `json:"answered_at,omitempty"`
	Refusal     string      `json:"refusal,omitempty" doc:"Why delivery refused"`
}

// CancelState is requested, accepted or refused.
type CancelState string

// The states.
const (
	CancelRequested CancelState = "requested"
	CancelAccepted  CancelState = "accepted"
	CancelRefused   CancelState = "refused"
)

// Compensations are what was undone.
type Compensations struct {
	StockReturnedAt *time.Time `json:"stock_returned_at,omitempty"`
	RefundedAt      *time.Time `json:"refunded_at,omitempty"`
	RefundedAmount  int64      `json:"refunded_amount,omitempty" doc:"In minor units of the currency"`
}

// HistoryItem is one fact.
type HistoryItem struct {
	Type       string    `json:"type" doc:"The event's type" example:"order.shipped"`
	Source     string    `json:"source" doc:"The service that emitted it"`
	EventID    string    `json:"event_id"`
	At         time.Time `json:"at" doc:"When it happened, by the emitting service's clock"`
	RecordedAt time.Time `json:"recorded_at" doc:"When it became known here"`
	Detail
}

// orderFrom puts together what an order's row and its facts tell.
func orderFrom(r row, facts []fact) Order {
	o := Order{
		ID: r.id, Status: statusOf(facts), CustomerEmail: r.customerEmail, Items: r.items,
		Amount: r.amount, Currency: r.currency, ShipTo: r.shipTo,
		CreatedAt: r.created, UpdatedAt: r.updated,
		FlowID: r.flow.ID, TraceID: traceID(r.flow.Trace),
		History: make([]HistoryItem, 0, len(facts)),
	}
	if request, asked := cancelRequestIn(facts); asked {
		o.Cancel = &Cancel{State: CancelRequested, Reason: request.reason, RequestedAt: request.requested}
	}
	for _, f := range facts {
		o.apply(f)
	}
	return o
}

// apply adds what one fact shows of the order.
func (o *Order) apply(f fact) {
	o.History = append(o.History, HistoryItem{
		Type: f.eventType, Source: f.source, EventID: f.eventID,
		At: f.occurred, RecordedAt: f.recorded, Detail: f.detail,
	})
	switch f.eventType {
	case stockRejected, paymentRejected, deliveryFailed:
		o.Reason = f.detail.Reason
	case orderShipped:
		o.Tracking = f.detail.TrackingNumber
	case stockReturned:
		o.Compensations.StockReturnedAt = &f.occurred
	case refundProcessed:
		o.Compensations.RefundedAt = &f.occurred
		o.Compensations.RefundedAmount = f.detail.Amount
	case orderCanceled:
		o.answerCancel(CancelAccepted, f)
	case orderCancelRefused:
		o.answerCancel(CancelRefused, f)
		o.Cancel.Refusal = f.detail.Reason
	}
}

// answerCancel notes delivery's answer. Where the request itself is not known
// here, the answer stands for it.
func (o *Order) answerCancel(state CancelState, f fact) {
	if o.Cancel == nil {
		o.Cancel = &Cancel{RequestedAt: f.occurred}
	}
	o.Cancel.State, o.Cancel.AnsweredAt = state, &f.occurred
}

func summaryFrom(r row) Summary {
	return Summary{
		ID: r.id, Status: r.status, CustomerEmail: r.customerEmail, Amount: r.amount, Currency: r.currency,
		CreatedAt: r.created, UpdatedAt: r.updated,
	}
}

// traceID returns the trace id in a flow's trace context, or "".
//
// Source: W3C Trace Context, section 3.2, version-traceid-parentid-flags.
func traceID(headers map[string]string) string {
	parts := strings.Split(headers["traceparent"], "-")
	if len(parts) < 4 || len(parts[1]) != 32 {
		return ""
	}
	return parts[1]
}
