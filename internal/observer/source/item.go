package source

import (
	"crypto/sha256"
	"time"

	"github.com/laban-io/laban/internal/observer/mapping"
	"github.com/laban-io/laban/internal/observer/record"
	"github.com/laban-io/laban/pkg/flow"
)

// Kind is what an item of the log is.
type Kind uint8

// The kinds.
const (
	// Event is an event, native or by a mapping.
	Event Kind = iota
	// Failure is the copy of a message that a service failed to process.
	Failure
	// Announcement is a service saying who it is.
	Announcement
	// Own is a record of an observer.
	Own
	// Other is a record that a later version or another tool of Laban put into
	// the log. It says nothing of a flow.
	Other
	// Malformed could not be read; Reason counts it.
	Malformed
	// Gap says that records before this one may be missing, or that this is
	// another log. It is no record itself.
	Gap
)

// Item is one record of the log, or a gap before one.
type Item struct {
	Kind         Kind
	Offset       uint64
	Event        flow.Event
	Failure      flow.Failure
	Announcement flow.Announcement
	Own          record.Record
	// Tap is the exchange that an event was tapped from, empty of a native one.
	Tap string
	// Reason is a word to count a malformed record by, or what broke the log;
	// Detail is a sentence.
	Reason, Detail string
	// NewLog tells, of a gap, that offsets begin again.
	NewLog bool
	// Until, where not 0, tells of a gap that the log lost its end: records from
	// Offset on are read again, and of those before Until some may be known.
	Until uint64
	// ContentType and Data are the message's payload.
	ContentType string
	Data        []byte

	exchange, key, id string
	print             []byte // the fingerprint, where it is known already
}

// FingerprintSize is how long fingerprints are, in bytes.
const FingerprintSize = 16

// Fingerprint tells a record from what another log has at its offset. That of a
// gap in a log that lost its end is of the last record before it.
func (i *Item) Fingerprint() []byte {
	if i.print != nil {
		return i.print
	}
	h := sha256.New()
	for _, part := range []string{i.exchange, i.key, i.id} {
		h.Write([]byte(part))
		h.Write([]byte{0})
	}
	h.Write(i.Data)
	return h.Sum(nil)[:FingerprintSize]
}

// Place is where to begin in the log.
type Place struct {
	// Next is the offset of the first item that is wanted, if Known. Otherwise
	// the log is read from its first record, or from its end on where FromEnd.
	Next    uint64
	Known   bool
	FromEnd bool
	// Since, where set and Next is not known, begins with the first records of
	// that time, or a little before.
	Since time.Time
	// Fingerprint is that of the item before Next, where there is one to be
	// compared.
	Fingerprint []byte
	// Trail are records before that one, by which a log that lost its end is
	// known.
	Trail Trail
	// Mapping is how tapped messages are read until the log states another.
	Mapping record.Mapping
	// Doubt, where set, is called when a record should be written soon, so that it
	// is seen where the log ends. It must not block.
	Doubt func()
}

// MalformedReasons are the words that malformed records are counted by.
func MalformedReasons() []string {
	return []string{"not-an-event", "announcement", "direct", "record", "contract", "no-mapping", mapping.NoType, mapping.NotJSON, mapping.BadText}
}
