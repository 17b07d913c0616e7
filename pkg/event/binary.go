package event

import "time"

// The header prefixes of CloudEvents attributes on AMQP. The binding writes
// the first and, since some brokers and clients dislike colons in names,
// allows the second; both are read, the first is written.
//
// Source: CloudEvents AMQP Protocol Binding 1.0.2, section 3.1.3.1.
const (
	Prefix    = "cloudEvents:"
	AltPrefix = "cloudEvents_"
)

// Binary is an event as AMQP carries it: the properties that RabbitMQ's own
// tools show, headers, and a body. It is neutral of any client library; a
// transport copies it field by field.
type Binary struct {
	MessageID     string
	Type          string
	CorrelationID string
	AppID         string
	ContentType   string
	Timestamp     time.Time // AMQP keeps whole seconds only
	RoutingKey    string
	Headers       map[string]any
	Body          []byte
}

// Attribute names that have a field of their own in [Event].
const (
	attrSpecVersion     = "specversion"
	attrID              = "id"
	attrSource          = "source"
	attrType            = "type"
	attrSubject         = "subject"
	attrTime            = "time"
	attrDataContentType = "datacontenttype"
	attrDataSchema      = "dataschema"
	attrFlowName        = "flowname"
	attrFlowID          = "flowid"
	attrCausationID     = "causationid"
	attrTriggerTime     = "triggertime"
	attrServiceVersion  = "serviceversion"
)

// isReserved tells whether an extension may not have this name, because it is
// an attribute with a field of its own, or a member of structured mode.
func isReserved(name string) bool {
	switch name {
	case attrSpecVersion, attrID, attrSource, attrType, attrSubject, attrTime,
		attrDataContentType, attrDataSchema, attrFlowName, attrFlowID,
		attrCausationID, attrTriggerTime, attrServiceVersion, "data":
		return true
	}
	return false
}
