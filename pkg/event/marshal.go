package event

import "time"

// Marshal returns e in binary mode. It is strict: the error wraps [ErrInvalid]
// where e is not valid. The returned Headers map is new and the caller's to
// change; Body shares Data's memory.
func Marshal(e Event) (Binary, error) {
	if err := e.Validate(); err != nil {
		return Binary{}, err
	}
	// A flow's event has eleven attributes; three more leave room for the
	// trace context before the map has to grow.
	h := make(map[string]any, 14+len(e.Extensions))
	h[Prefix+attrSpecVersion] = SpecVersion
	h[Prefix+attrID] = e.ID
	h[Prefix+attrSource] = e.Source
	h[Prefix+attrType] = e.Type
	h[Prefix+attrTime] = formatTime(e.Time)
	putText(h, Prefix+attrSubject, e.Subject)
	putText(h, Prefix+attrDataSchema, e.DataSchema)
	putText(h, Prefix+attrFlowName, e.FlowName)
	putText(h, Prefix+attrFlowID, e.FlowID)
	putText(h, Prefix+attrCausationID, e.CausationID)
	putText(h, Prefix+attrServiceVersion, e.ServiceVersion)
	if !e.TriggerTime.IsZero() {
		h[Prefix+attrTriggerTime] = formatTime(e.TriggerTime)
	}
	for name, value := range e.Extensions {
		h[Prefix+name] = value
	}
	return Binary{
		MessageID:     e.ID,
		Type:          e.Type,
		CorrelationID: e.FlowID,
		AppID:         e.Source,
		ContentType:   e.DataContentType,
		Timestamp:     e.Time,
		RoutingKey:    e.Type,
		Headers:       h,
		Body:          e.Data,
	}, nil
}

func putText(h map[string]any, name, value string) {
	if value != "" {
		h[name] = value
	}
}

func formatTime(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }
