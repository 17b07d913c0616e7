package learn

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"
)

// MaxLine is how many bytes a line may have. A longer one is counted as bad.
const MaxLine = 4 << 20

// Lines is what was read of a file.
type Lines struct {
	// Read is how many lines with anything on them there were, and Bad how many
	// of those were no event.
	Read, Bad int
	// First is what is wrong with the first bad one; nil where none is.
	First *LineError
}

// LineError says what is wrong with a line.
type LineError struct {
	Line int
	Err  error
}

// Error says which line, and what is wrong.
func (e *LineError) Error() string { return fmt.Sprintf("line %d: %v", e.Line, e.Err) }

// Unwrap returns the error inside.
func (e *LineError) Unwrap() error { return e.Err }

// line is an event as a line of a file: the JSON form of CloudEvents with the
// extensions that Laban's events have, and two names beside. Whatever else is
// there is not looked at.
type line struct {
	Type        string `json:"type"`
	Source      string `json:"source"`
	Subject     string `json:"subject"`
	Key         string `json:"key"`
	ID          string `json:"id"`
	FlowName    string `json:"flowname"`
	FlowID      string `json:"flowid"`
	CausationID string `json:"causationid"`
	Time        stamp  `json:"time"`
	TriggerTime stamp  `json:"triggertime"`
	LogTime     stamp  `json:"logtime"`
}

// stamp is a time: RFC 3339, or the milliseconds since 1970.
type stamp time.Time

// UnmarshalJSON reads either form. The empty text and null are the zero time.
func (s *stamp) UnmarshalJSON(text []byte) error {
	if string(text) == "null" || string(text) == `""` {
		return nil
	}
	if text[0] != '"' {
		ms, err := strconv.ParseFloat(string(text), 64)
		if err != nil || ms < 0 || ms > 9e12 {
			return errors.New("a time must be RFC 3339 text, or milliseconds since 1970")
		}
		*s = stamp(time.UnixMicro(int64(ms * 1000)).UTC())
		return nil
	}
	var word string
	if err := json.Unmarshal(text, &word); err != nil {
		return err
	}
	t, err := time.Parse(time.RFC3339Nano, word)
	if err == nil && t.IsZero() {
		return nil // what Go writes for no time
	}
	if err != nil || t.Year() < 1970 || t.Year() > 2200 {
		return fmt.Errorf("a time must be RFC 3339 text, such as 2026-01-02T15:04:05.123Z, or milliseconds since 1970; %.40q is not", word)
	}
	*s = stamp(t)
	return nil
}

// ReadLines reads events, one in a line, and adds them to the log. A line that
// is no event is counted and left out; the error is that of reading.
func (l *Log) ReadLines(r io.Reader) (Lines, error) {
	var found Lines
	reader := bufio.NewReaderSize(r, 64<<10)
	for number := 1; ; number++ {
		text, tooLong, err := nextLine(reader)
		if text = bytes.TrimSpace(text); len(text) > 0 || tooLong {
			found.Read++
			bad := l.addLine(text)
			if tooLong {
				bad = fmt.Errorf("it has more than %d bytes", MaxLine)
			}
			if bad != nil {
				found.Bad++
				if found.First == nil {
					found.First = &LineError{number, bad}
				}
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return found, nil
		case err != nil:
			return found, fmt.Errorf("read line %d: %w", number, err)
		}
	}
}

func (l *Log) addLine(text []byte) error {
	if len(text) == 0 {
		return nil
	}
	var e line
	if err := json.Unmarshal(text, &e); err != nil {
		return fmt.Errorf("it is no JSON object of an event: %w", err)
	}
	if e.Type == "" {
		return errors.New(`it has no "type"`)
	}
	key := e.Key
	if key == "" {
		key = e.Subject
	}
	if key == "" && e.FlowID == "" {
		return errors.New(`it has neither "flowid", "subject" nor "key"`)
	}
	l.Add(&Record{
		Type: e.Type, Source: e.Source, FlowName: e.FlowName, FlowID: e.FlowID, Key: key, ID: e.ID, CausationID: e.CausationID,
		Time: time.Time(e.Time), TriggerTime: time.Time(e.TriggerTime), LogTime: time.Time(e.LogTime),
	})
	return nil
}

// nextLine returns the next line without keeping more than MaxLine bytes of it.
func nextLine(r *bufio.Reader) (text []byte, tooLong bool, err error) {
	for {
		part, err := r.ReadSlice('\n')
		if len(text)+len(part) > MaxLine {
			tooLong = true
		} else {
			text = append(text, part...)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			if tooLong {
				text = nil
			}
			return text, tooLong, err
		}
	}
}
