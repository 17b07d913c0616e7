package parked

import (
	"fmt"
	"strings"
	"time"
)

// Filter says which messages are meant. Its zero value means all that are parked
// and lost.
type Filter struct {
	// Kinds are those to look at. Default: parked and lost.
	Kinds []Kind
	// Services and Types, where set, are those to look at.
	Services, Types []string
	// Known are services to look for beside those that the log names: those that
	// have not run for more than an hour.
	Known []string
	// IDs, where set, are ids of messages or of flows, or keys of flows.
	IDs []string
	// Error, where set, has to be part of the error, whatever the case.
	Error string
	// Since, where set, leaves out what was set aside before, as far as that is
	// known, and spares reading the log from further back.
	Since time.Time
}

func (f *Filter) kinds() []Kind {
	if len(f.Kinds) == 0 {
		return []Kind{Parked, Lost}
	}
	return f.Kinds
}

// Takes tells whether a message is meant.
func (f *Filter) Takes(m *Message) bool {
	return among(m.Kind, f.kinds()) && (len(f.Services) == 0 || among(m.Service, f.Services)) &&
		(len(f.Types) == 0 || among(m.Type, f.Types)) &&
		(len(f.IDs) == 0 || among(m.ID, f.IDs) || m.FlowID != "" && among(m.FlowID, f.IDs) || m.Key != "" && among(m.Key, f.IDs)) &&
		(f.Error == "" || strings.Contains(strings.ToLower(m.Error), strings.ToLower(f.Error))) &&
		(f.Since.IsZero() || m.At.IsZero() || !m.At.Before(f.Since))
}

func among[T comparable](x T, all []T) bool {
	for _, y := range all {
		if x == y {
			return true
		}
	}
	return false
}

// ParseKind returns the kind with a name.
func ParseKind(name string) (Kind, error) {
	for _, k := range Kinds() {
		if string(k) == name {
			return k, nil
		}
	}
	return "", fmt.Errorf("%q is none of parked, lost and unrouted", name)
}
