package outbox

import (
	"database/sql"
	"errors"
	"strings"
	"time"
	"unicode"

	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
)

// row is one stored event that a relay holds.
type row struct {
	seq       int64
	eventID   string
	eventType string
	orderKey  string
	createdAt time.Time
	attempts  int // those that count, see [Config.MaxAttempts]
	event     event.Event
	headers   map[string]string
	unread    error // why event or headers could not be read, or nil

	leased  time.Time // when it was claimed or the claim renewed
	settled bool      // its end waits to be written down
}

func scanRow(rows *sql.Rows) (*row, error) {
	var (
		r                       row
		envelope, headers, data []byte
		created                 int64
	)
	if err := rows.Scan(&r.seq, &r.eventID, &r.eventType, &r.orderKey, &envelope, &headers, &data, &created, &r.attempts); err != nil {
		return nil, err
	}
	r.createdAt = time.UnixMicro(created)
	var envelopeErr, headersErr error
	r.event, envelopeErr = decodeEnvelope(envelope, data)
	r.headers, headersErr = decodeHeaders(headers)
	r.unread = errors.Join(envelopeErr, headersErr)
	return &r, nil
}

// message returns the row as a message. Publishing adds headers to it; for
// another attempt the row is read again.
func (r *row) message() *bus.Message {
	return &bus.Message{Event: r.event, Headers: r.headers}
}

// maxErrorText is how many bytes of an error are kept in a row.
const maxErrorText = 1024

// errorText returns err as text that every database stores: a NUL or ill-formed
// Unicode is not.
func errorText(err error) string {
	text := strings.Map(func(r rune) rune { // which makes it well-formed, too
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, err.Error())
	if len(text) > maxErrorText {
		text = strings.ToValidUTF8(text[:maxErrorText], "")
	}
	return text
}
