package ledger

import (
	"database/sql"

	"github.com/laban-io/laban/pkg/choreography"
	"github.com/laban-io/laban/pkg/flow"
)

// The functions of this file read names that the ledger has written. One that
// it does not know, of a later version say, is the zero value.

// named finds the value with a name among those from the zero value on; the
// first that has no name is "invalid".
func named[T ~uint8](name string, text func(T) string) T {
	for v := T(0); ; v++ {
		switch text(v) {
		case name:
			return v
		case "invalid":
			return 0
		}
	}
}

func parseClass(name string) choreography.Class {
	for _, c := range []choreography.Class{choreography.Completed, choreography.Failed} {
		if c.String() == name {
			return c
		}
	}
	return choreography.None
}

func parseObligationState(name string) flow.ObligationState {
	return named(name, flow.ObligationState.String)
}

func parseKind(name string) flow.Kind { return named(name, flow.Kind.String) }

func parseDeviation(name string) flow.Deviation { return named(name, flow.Deviation.String) }

func parseFinding(cause, certainty, evidence sql.NullString) (f flow.Finding) {
	f.Cause, _ = flow.ParseCause(cause.String)
	f.Certainty = named(certainty.String, flow.Certainty.String)
	f.Evidence = evidence.String
	return f
}
