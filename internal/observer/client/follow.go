package client

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/laban-io/laban/internal/observer/api"
)

// silence is how long a stream may say nothing: it has a heartbeat.
const silence = time.Minute

// maxLine bounds what one event may have.
const maxLine = 1 << 20

// Ended says that the observer ended a stream, and why.
type Ended struct{ Reason string }

// Error returns the reason.
func (e *Ended) Error() string { return e.Reason }

// Follow calls fn for each change of a flow from now on, until ctx ends, fn
// returns an error, which it returns, or the stream ends: with an [Ended] where
// the observer says why. connected is called once the observer has answered.
func (c *Client) Follow(ctx context.Context, f Filter, kinds []string, connected func(), fn func(api.Transition) error) error {
	q := url.Values{}
	for name, value := range map[string]string{"choreography": f.Choreography, "key": f.Key, "kind": strings.Join(kinds, ",")} {
		if value != "" {
			q.Set(name, value)
		}
	}
	following, cancel := context.WithCancel(ctx)
	defer cancel()
	r, err := c.request(following, http.MethodGet, q, http.NoBody, "api/v1/events")
	if err != nil {
		return err
	}
	r.Header.Set("Accept", "text/event-stream")
	answer, err := c.http.Do(r)
	if err != nil {
		return c.unreachable(err)
	}
	defer answer.Body.Close()
	switch {
	case answer.StatusCode != http.StatusOK:
		body, err := io.ReadAll(io.LimitReader(answer.Body, maxLine))
		if err != nil {
			return c.unreachable(err)
		}
		return c.refused(answer, body)
	case !strings.HasPrefix(answer.Header.Get("Content-Type"), "text/event-stream"):
		return c.stranger(answer)
	}
	connected()
	quiet := time.AfterFunc(silence, cancel)
	defer quiet.Stop()
	err = events(answer.Body, func() { quiet.Reset(silence) }, fn)
	if following.Err() != nil && ctx.Err() == nil {
		return errors.New("the observer has said nothing for a minute")
	}
	return err
}

// events reads server-sent events (HTML standard, section 9.2), as far as the
// API uses them: one line of data each.
func events(from io.Reader, heard func(), fn func(api.Transition) error) error {
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, maxLine)
	event, data := "", []byte(nil)
	for lines.Scan() {
		heard()
		line := lines.Bytes()
		name, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimPrefix(value, []byte(" "))
		switch {
		case len(line) > 0 && string(name) == "event":
			event = string(value)
		case len(line) > 0 && string(name) == "data":
			data = bytes.Clone(value)
		case len(line) == 0 && data != nil:
			if err := take(event, data, fn); err != nil {
				return err
			}
			event, data = "", nil
		}
	}
	if err := lines.Err(); err != nil {
		return err
	}
	return errors.New("the observer has hung up")
}

func take(event string, data []byte, fn func(api.Transition) error) error {
	switch event {
	case "transition":
		var t api.Transition
		if err := json.Unmarshal(data, &t); err != nil {
			return errors.New("the observer sends what this version can't read")
		}
		return fn(t)
	case "bye", "cut-off":
		var said struct {
			Reason string `json:"reason"`
		}
		if err := json.Unmarshal(data, &said); err != nil {
			said.Reason = event
		}
		return &Ended{Reason: api.Plain(said.Reason)}
	default:
		return nil // of a later version
	}
}
