package record

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
)

// Identified gives the log an id. The first that is read holds; it is stated
// again each day, for the log forgets its beginning.
type Identified struct {
	ID string `json:"id"`
	// Replaces is the id of the log whose place this one took, as far as the
	// observer knew that one.
	Replaces string `json:"replaces,omitempty"`
}

// Type is [IdentifiedType].
func (Identified) Type() string { return IdentifiedType }

func (i Identified) check() error {
	if i.ID == "" {
		return errors.New("no id")
	}
	return short(maxName, "id", i.ID, "replaces", i.Replaces)
}

// Contract states that a contract is in force from here on, for the flows that
// begin.
type Contract struct {
	Name string `json:"name"`
	// Hash is the lower-case hexadecimal SHA-256 of Text.
	Hash string `json:"hash"`
	// Text is the contract's file.
	Text string `json:"text"`
}

// Type is [ContractType].
func (Contract) Type() string { return ContractType }

func (c Contract) check() error {
	if c.Name == "" || c.Text == "" {
		return errors.New("no name or no text")
	}
	if sum := sha256.Sum256([]byte(c.Text)); c.Hash != hex.EncodeToString(sum[:]) {
		return errors.New("the hash is not that of the text")
	}
	return errors.Join(short(maxName, "name", c.Name), short(maxText, "text", c.Text))
}

// Retired states that a choreography has no contract from here on: no flow of it
// begins. A statement of the contract that it had comes just before.
type Retired struct {
	Name string `json:"name"`
}

// Type is [RetiredType].
func (Retired) Type() string { return RetiredType }

func (r Retired) check() error {
	if r.Name == "" {
		return errors.New("no name")
	}
	return short(maxName, "name", r.Name)
}

// Mapping states how the messages of tapped exchanges are read from here on.
type Mapping struct {
	Taps []Tap `json:"taps"`
}

// Tap is how messages of one exchange, or of those that match a pattern, are
// read. Each place is written as in an observer's configuration.
type Tap struct {
	Exchange  string `json:"exchange"`
	EventType string `json:"type,omitempty"`
	Key       string `json:"key,omitempty"`
	ID        string `json:"id,omitempty"`
	Causation string `json:"causation,omitempty"`
	Source    string `json:"source,omitempty"`
	Flow      string `json:"flow,omitempty"`
	Time      string `json:"time,omitempty"`
}

// Type is [MappingType].
func (Mapping) Type() string { return MappingType }

func (m Mapping) check() error {
	if len(m.Taps) > maxTaps {
		return fmt.Errorf("%d taps, at most %d are allowed", len(m.Taps), maxTaps)
	}
	for _, t := range m.Taps {
		if t.Exchange == "" {
			return errors.New("a tap without an exchange")
		}
		if err := short(maxName, "exchange", t.Exchange, "type", t.EventType, "key", t.Key, "id", t.ID,
			"causation", t.Causation, "source", t.Source, "flow", t.Flow, "time", t.Time); err != nil {
			return err
		}
	}
	return nil
}
