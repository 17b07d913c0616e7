package event

import (
	"strconv"
	"time"
)

// attribute returns the attribute name in a header name.
func attribute(header string) (string, bool) {
	if len(header) <= len(Prefix) {
		return "", false
	}
	switch header[:len(Prefix)] {
	case Prefix, AltPrefix:
		return header[len(Prefix):], true
	}
	return "", false
}

// IsAttribute tells whether a header of this name is a CloudEvents attribute,
// and so no plain header.
func IsAttribute(header string) bool {
	_, ok := attribute(header)
	return ok
}

// PlainHeaders returns the scalar headers of an AMQP message that are no
// CloudEvents attributes, such as traceparent, as text. It returns nil where
// there are none.
func PlainHeaders(headers map[string]any) map[string]string {
	var plain map[string]string
	for name, value := range headers {
		if IsAttribute(name) {
			continue
		}
		text, ok := scalar(value)
		if !ok {
			continue
		}
		if plain == nil {
			plain = make(map[string]string, 4)
		}
		plain[name] = text
	}
	return plain
}

// scalar returns an AMQP header value as text; tables and arrays are none.
func scalar(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case []byte:
		return string(v), true
	case bool:
		return strconv.FormatBool(v), true
	case int:
		return strconv.Itoa(v), true
	case int8:
		return strconv.FormatInt(int64(v), 10), true
	case int16:
		return strconv.FormatInt(int64(v), 10), true
	case int32:
		return strconv.FormatInt(int64(v), 10), true
	case int64:
		return strconv.FormatInt(v, 10), true
	case uint8:
		return strconv.FormatUint(uint64(v), 10), true
	case uint16:
		return strconv.FormatUint(uint64(v), 10), true
	case uint32:
		return strconv.FormatUint(uint64(v), 10), true
	case float32:
		return strconv.FormatFloat(float64(v), 'g', -1, 32), true
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64), true
	case time.Time:
		return formatTime(v), true
	default:
		return "", false
	}
}
