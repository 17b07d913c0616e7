package messaging

import (
	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
)

// The attributes that are Laban's own.
const (
	FlowIDKey      = attribute.Key("laban.flow.id")
	FlowKeyKey     = attribute.Key("laban.flow.key")
	FlowNameKey    = attribute.Key("laban.flow.name")
	AttemptKey     = attribute.Key("laban.attempt")
	RedeliveredKey = attribute.Key("laban.redelivered")
	VerdictKey     = attribute.Key("laban.verdict")
)

// Message is what spans say of one message, or of a batch. Fields that are zero
// are left out.
type Message struct {
	ID             string
	ConversationID string
	DeliveryTag    uint64
	// BatchCount is how many messages there are; 0 unless it is a batch.
	BatchCount int

	FlowID, FlowKey, FlowName string
	Attempt                   int
	Redelivered               bool
}

// Attributes returns the attributes of m, which may be nil.
func (m *Message) Attributes() []attribute.KeyValue { return m.appendTo(nil) }

func (m *Message) appendTo(attrs []attribute.KeyValue) []attribute.KeyValue {
	if m == nil {
		return attrs
	}
	if m.ID != "" {
		attrs = append(attrs, semconv.MessagingMessageID(clean(m.ID)))
	}
	if m.ConversationID != "" {
		attrs = append(attrs, semconv.MessagingMessageConversationID(clean(m.ConversationID)))
	}
	if m.DeliveryTag != 0 {
		attrs = append(attrs, semconv.MessagingRabbitMQMessageDeliveryTag(int(m.DeliveryTag))) //nolint:gosec // tags count from 1 for each channel
	}
	if m.BatchCount != 0 {
		attrs = append(attrs, semconv.MessagingBatchMessageCount(m.BatchCount))
	}
	if m.FlowID != "" {
		attrs = append(attrs, FlowIDKey.String(clean(m.FlowID)), FlowNameKey.String(clean(m.FlowName)))
		if m.FlowKey != "" {
			attrs = append(attrs, FlowKeyKey.String(clean(m.FlowKey)))
		}
	}
	if m.Attempt != 0 {
		attrs = append(attrs, AttemptKey.Int(m.Attempt))
	}
	if m.Redelivered {
		attrs = append(attrs, RedeliveredKey.Bool(true))
	}
	return attrs
}
