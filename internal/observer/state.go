package observer

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/laban-io/laban/internal/observer/record"
	"github.com/laban-io/laban/internal/observer/source"
)

// state is what the observer itself must know to go on in a log, beside the
// tracker's. It is JSON in the ledger's column metrics.
type state struct {
	Version int `json:"version"`
	// LogID is the log's, from the log.
	LogID   string    `json:"log_id,omitempty"`
	LogIDAt time.Time `json:"log_id_at,omitzero"`
	// Replaces is the log that this one takes the place of, if any.
	Replaces string `json:"replaces,omitempty"`
	// Trail are some of the records that were applied.
	Trail source.Trail `json:"trail,omitempty"`
	// Until is where a stretch of the log ends that is read once more, 0 where
	// none is.
	Until uint64 `json:"until,omitempty"`
	// Pulser is the observer, and its term, that the last pulse was of.
	Pulser string `json:"pulser,omitempty"`
	// InForce are the hashes of the contracts in force, by name.
	InForce map[string]string `json:"in_force,omitempty"`
	// Stated are the contracts that the log has stated, by name, and when.
	Stated map[string]stated `json:"stated,omitempty"`
	// Mapping is the one in force.
	Mapping   record.Mapping `json:"mapping"`
	MappingAt time.Time      `json:"mapping_at,omitzero"`
	// Strays are how far streams of strays are restated.
	Strays    map[string]uint64     `json:"strays,omitempty"`
	Gaps      uint64                `json:"gaps,omitempty"`
	Unclaimed map[string]uint64     `json:"unclaimed,omitempty"`
	Malformed map[string]uint64     `json:"malformed,omitempty"`
	Tapped    map[string]*tappedNow `json:"tapped,omitempty"`
	// Counter is the state of what counts.
	Counter []byte `json:"counter,omitempty"`
}

type stated struct {
	Hash string    `json:"hash"`
	At   time.Time `json:"at"`
}

// tappedNow is what came from an exchange.
type tappedNow struct {
	Records uint64    `json:"records"`
	Last    time.Time `json:"last,omitzero"`
}

const stateVersion = 1

// maxTapped bounds how many exchanges are counted.
const maxTapped = 1000

// maxStrays bounds how many streams of strays are remembered; there are two.
const maxStrays = 100

func newState() *state {
	return &state{
		Version: stateVersion, InForce: map[string]string{}, Stated: map[string]stated{}, Strays: map[string]uint64{},
		Unclaimed: map[string]uint64{}, Malformed: map[string]uint64{}, Tapped: map[string]*tappedNow{},
	}
}

// readState reads what write wrote; nothing is the state of a new log.
func readState(b []byte) (*state, error) {
	s := newState()
	if len(b) == 0 {
		return s, nil
	}
	if err := json.Unmarshal(b, s); err != nil {
		return nil, fmt.Errorf("%w: the state of the observer: %w", errUnreadable, err)
	}
	if s.Version != stateVersion {
		return nil, fmt.Errorf("%w: the state of the observer has version %d, and this program reads %d", errUnreadable, s.Version, stateVersion)
	}
	return s, nil
}

func (s *state) write() []byte {
	b, err := json.Marshal(s)
	if err != nil {
		//nolint:forbidigo // the program is wrong
		panic("observer: its state has nothing that JSON can't write: " + err.Error())
	}
	return b
}

// tapped counts a record of an exchange.
func (s *state) tapped(exchange string, at time.Time) {
	t := s.Tapped[exchange]
	if t == nil {
		if len(s.Tapped) >= maxTapped {
			return
		}
		t = &tappedNow{}
		s.Tapped[exchange] = t
	}
	t.Records++
	t.Last = at
}
