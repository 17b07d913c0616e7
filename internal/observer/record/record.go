package record

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/laban-io/laban/pkg/event"
)

// Types of the events that records travel as. All begin with [Prefix], which no
// service's events do.
const (
	Prefix         = "laban."
	PulseType      = "laban.pulse"
	IdentifiedType = "laban.log.identified"
	ContractType   = "laban.contract.stated"
	RetiredType    = "laban.contract.retired"
	MappingType    = "laban.mapping.stated"
	UnroutedType   = "laban.message.unrouted"
	LostType       = "laban.message.lost"
	ClosedType     = "laban.flow.closed"
	RedrivenType   = "laban.message.redriven"
)

// Source is who such an event says it is from.
const Source = "laban.observer"

// Record is one of [Pulse], [Identified], [Contract], [Retired], [Mapping], [Stray],
// [Closed] and [Redriven].
type Record interface {
	// Type is the type of the event that the record travels as.
	Type() string
	// check returns what is wrong with the record.
	check() error
}

// ErrRecord is wrapped by all errors of this package.
var ErrRecord = errors.New("not a record of an observer")

// ErrUnknownType is wrapped by the error about a type that is not one of a
// record: a later version, or another tool, may know it.
var ErrUnknownType = errors.New("no record has this type")

// MaxData is how many bytes a record may have.
const MaxData = 4 << 20

// Encode returns a record as an event of this moment.
func Encode(r Record, at time.Time) (event.Event, error) {
	if err := r.check(); err != nil {
		return event.Event{}, fmt.Errorf("%w: %s: %w", ErrRecord, r.Type(), err)
	}
	e := event.New(r.Type(), r)
	e.ID, e.Source, e.Time = event.NewID(), Source, at
	if err := e.Validate(); err != nil {
		return event.Event{}, fmt.Errorf("%w: %w", ErrRecord, err)
	}
	if len(e.Data) > MaxData {
		return event.Event{}, fmt.Errorf("%w: %s has %d bytes, at most %d are allowed", ErrRecord, r.Type(), len(e.Data), MaxData)
	}
	return e, nil
}

// Decode reads a record. Fields that a later version may have are left out.
func Decode(e event.Event) (Record, error) {
	if len(e.Data) > MaxData {
		return nil, fmt.Errorf("%w: %s has %d bytes, at most %d are allowed", ErrRecord, e.Type, len(e.Data), MaxData)
	}
	switch e.Type {
	case PulseType:
		return decode[Pulse](e)
	case IdentifiedType:
		return decode[Identified](e)
	case ContractType:
		return decode[Contract](e)
	case RetiredType:
		return decode[Retired](e)
	case MappingType:
		return decode[Mapping](e)
	case UnroutedType, LostType:
		r, err := decode[Stray](e)
		if err != nil {
			return nil, err
		}
		s := r.(Stray) //nolint:errcheck,forcetypeassert // it is what was decoded
		s.Lost = e.Type == LostType
		return s, nil
	case ClosedType:
		return decode[Closed](e)
	case RedrivenType:
		return decode[Redriven](e)
	default:
		return nil, fmt.Errorf("%w: %w: %q", ErrRecord, ErrUnknownType, clip(e.Type))
	}
}

func decode[T Record](e event.Event) (Record, error) {
	var r T
	if err := e.Decode(&r); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRecord, err)
	}
	if err := r.check(); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrRecord, e.Type, err)
	}
	return r, nil
}

// Bounds of texts in records.
const (
	maxName     = 512
	maxSentence = 4096
	maxText     = 1 << 20
	maxQueues   = 10_000
	maxBindings = 1000
	maxTaps     = 1000
	maxInForce  = 1000
)

func clip(s string) string {
	if len(s) > 60 {
		s = strings.ToValidUTF8(s[:60], "") + "…"
	}
	return s
}

// short returns an error if one of the texts, given after their names, is
// longer than limit.
func short(limit int, namesAndTexts ...string) error {
	for i := 0; i+1 < len(namesAndTexts); i += 2 {
		if n := len(namesAndTexts[i+1]); n > limit {
			return fmt.Errorf("%s has %d bytes, at most %d are allowed", namesAndTexts[i], n, limit)
		}
	}
	return nil
}

// sane tells whether a time fits into nanoseconds since 1970.
func sane(name string, t time.Time) error {
	if t.Year() < 1970 || t.Year() > 2261 {
		return fmt.Errorf("%s is not between 1970 and 2261", name)
	}
	return nil
}
