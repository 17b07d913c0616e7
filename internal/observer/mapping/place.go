package mapping

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/laban-io/laban/internal/nearest"
	"github.com/laban-io/laban/pkg/event"
)

// Place is where something is in a message. The zero value is nowhere.
type Place struct {
	in      placeKind
	name    string
	pointer []string
}

type placeKind int

const (
	nowhere placeKind = iota
	inRoutingKey
	inProperty
	inHeader
	inBody
)

// Properties that a place can name.
const (
	messageID     = "message-id"
	typeProperty  = "type"
	correlationID = "correlation-id"
	appID         = "app-id"
	timestamp     = "timestamp"
)

func properties() []string { return []string{messageID, typeProperty, correlationID, appID, timestamp} }

// forms is how places are written, for errors.
const forms = "routing-key, property:NAME, header:NAME or body:/json/pointer"

// ParsePlace reads "routing-key", "property:message-id", "header:NAME" or
// "body:/json/pointer" (RFC 6901). Empty is nowhere.
func ParsePlace(text string) (Place, error) {
	kind, name, named := strings.Cut(text, ":")
	switch {
	case text == "":
		return Place{}, nil
	case text == "routing-key":
		return Place{in: inRoutingKey}, nil
	case kind == "property" && named:
		for _, p := range properties() {
			if p == name {
				return Place{in: inProperty, name: name}, nil
			}
		}
		if near, ok := nearest.Of(name, properties()); ok {
			return Place{}, fmt.Errorf("there is no property %q; did you mean property:%s?", name, near)
		}
		return Place{}, fmt.Errorf("there is no property %q; there are %s", name, strings.Join(properties(), ", "))
	case kind == "header" && named:
		if name == "" || len(name) > 255 {
			return Place{}, errors.New("a header's name has 1 to 255 bytes")
		}
		return Place{in: inHeader, name: name}, nil
	case kind == "body" && named:
		if len(name) > 1000 || !strings.HasPrefix(name, "/") {
			return Place{}, fmt.Errorf("%q is not a JSON pointer: it begins with a slash, as in body:/order/id", text)
		}
		p := Place{in: inBody, name: name}
		for _, word := range strings.Split(name[1:], "/") {
			word, err := unescape(word)
			if err != nil {
				return Place{}, err
			}
			p.pointer = append(p.pointer, word)
		}
		if len(p.pointer) > 32 {
			return Place{}, errors.New("a JSON pointer here has at most 32 parts")
		}
		return p, nil
	}
	if near, ok := nearest.Of(kind, []string{"routing-key", "property", "header", "body"}); ok && near != kind {
		return Place{}, fmt.Errorf("%q is no place in a message; did you mean %q? places are %s", text, near, forms)
	}
	return Place{}, fmt.Errorf("%q is no place in a message; places are %s", text, forms)
}

func unescape(word string) (string, error) {
	for i := range len(word) {
		if word[i] == '~' && (i+1 == len(word) || word[i+1] != '0' && word[i+1] != '1') {
			return "", fmt.Errorf("in a JSON pointer %q must be written ~0, and a slash in a name ~1", "~")
		}
	}
	return strings.ReplaceAll(strings.ReplaceAll(word, "~1", "/"), "~0", "~"), nil
}

// IsZero tells whether p is nowhere.
func (p Place) IsZero() bool { return p.in == nowhere }

// String returns p as it is written.
func (p Place) String() string {
	switch p.in {
	case inRoutingKey:
		return "routing-key"
	case inProperty:
		return "property:" + p.name
	case inHeader:
		return "header:" + p.name
	case inBody:
		return "body:" + p.name
	default:
		return ""
	}
}

// find returns what is at p as text, or "" where there is nothing.
func (p Place) find(m *event.Binary) (string, error) {
	switch p.in {
	case inRoutingKey:
		return m.RoutingKey, nil
	case inProperty:
		return property(m, p.name), nil
	case inHeader:
		return scalar(m.Headers[p.name]), nil
	case inBody:
		return p.inBody(m.Body)
	default:
		return "", nil
	}
}

func property(m *event.Binary, name string) string {
	switch name {
	case messageID:
		return m.MessageID
	case typeProperty:
		return m.Type
	case correlationID:
		return m.CorrelationID
	case appID:
		return m.AppID
	case timestamp:
		if !m.Timestamp.IsZero() {
			return m.Timestamp.UTC().Format(time.RFC3339Nano)
		}
	}
	return ""
}

// scalar returns a header's value as text; tables and arrays are none.
func scalar(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case []byte:
		return string(v)
	case int64:
		return strconv.FormatInt(v, 10)
	case int32:
		return strconv.FormatInt(int64(v), 10)
	case int16:
		return strconv.FormatInt(int64(v), 10)
	case int8:
		return strconv.FormatInt(int64(v), 10)
	case uint8:
		return strconv.FormatUint(uint64(v), 10)
	case uint16:
		return strconv.FormatUint(uint64(v), 10)
	case uint32:
		return strconv.FormatUint(uint64(v), 10)
	case int:
		return strconv.Itoa(v)
	case bool:
		return strconv.FormatBool(v)
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	case float32:
		return strconv.FormatFloat(float64(v), 'g', -1, 32)
	case time.Time:
		return v.UTC().Format(time.RFC3339Nano)
	default:
		return ""
	}
}

// inBody looks along the pointer. Each step reads only the level it is at.
func (p Place) inBody(body []byte) (string, error) {
	raw := json.RawMessage(body)
	for _, word := range p.pointer {
		raw = bytes.TrimLeft(raw, " \t\r\n")
		switch {
		case len(raw) > 0 && raw[0] == '{':
			var object map[string]json.RawMessage
			if err := json.Unmarshal(raw, &object); err != nil {
				return "", err
			}
			raw = object[word]
		case len(raw) > 0 && raw[0] == '[':
			var list []json.RawMessage
			if err := json.Unmarshal(raw, &list); err != nil {
				return "", err
			}
			n, err := strconv.ParseUint(word, 10, 31)
			if err != nil || n >= uint64(len(list)) || strconv.FormatUint(n, 10) != word {
				return "", nil //nolint:nilerr // there is nothing at such a place
			}
			raw = list[n]
		default:
			if !json.Valid(raw) {
				return "", errNotJSON
			}
			return "", nil
		}
		if raw == nil {
			return "", nil
		}
	}
	return scalarText(raw)
}

var errNotJSON = errors.New("the body is not JSON")

// scalarText returns a JSON text, number or truth value as text. Numbers stay
// as they are written.
func scalarText(raw json.RawMessage) (string, error) {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 || raw[0] == '{' || raw[0] == '[' || string(raw) == "null" {
		return "", nil
	}
	if raw[0] == '"' {
		var text string
		err := json.Unmarshal(raw, &text)
		return text, err
	}
	return string(raw), nil
}
