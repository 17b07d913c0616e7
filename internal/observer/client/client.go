// Package client asks an observer over its HTTP API.
//
// Its errors are for people at a terminal: they say what to do. It does not try
// again, and follows no redirect, which might take the token elsewhere.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/laban-io/laban/internal/observer"
	"github.com/laban-io/laban/internal/observer/api"
)

// DefaultAddress is where an observer listens unless told otherwise.
const DefaultAddress = "http://127.0.0.1:7070"

// Bounds of an answer.
const (
	timeout   = 15 * time.Second
	maxAnswer = 64 << 20
)

// Client asks one observer. It is safe for concurrent use.
type Client struct {
	base  *url.URL
	token string
	http  *http.Client
}

// New returns a client of the observer at an address such as
// http://127.0.0.1:7070. The token may be empty.
func New(address, token string) (*Client, error) {
	text := address
	if !strings.Contains(text, "://") {
		text = "http://" + text
	}
	base, err := url.Parse(text)
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
		return nil, fmt.Errorf("%q is no address of an observer: say one such as %s", redact(address), DefaultAddress)
	}
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, MaxIdleConnsPerHost: 1, ResponseHeaderTimeout: timeout}
	return &Client{base: base, token: token, http: &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// redact hides what may be a password in an address that can't be read.
func redact(address string) string {
	if i := strings.LastIndex(address, "@"); i >= 0 {
		return "…" + address[i:]
	}
	return address
}

// Close ends the connections that are idle.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Filter says which flows a list has. Its zero value lists all.
type Filter struct {
	Choreography, Service, Cause, Key, Since string
	Status                                   []string
	Limit                                    int
	Cursor                                   string
}

func (f *Filter) query() url.Values {
	q := url.Values{}
	for name, value := range map[string]string{
		"choreography": f.Choreography, "service": f.Service, "cause": f.Cause, "key": f.Key, "since": f.Since,
		"status": strings.Join(f.Status, ","), "cursor": f.Cursor,
	} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if f.Limit > 0 {
		q.Set("limit", strconv.Itoa(f.Limit))
	}
	return q
}

// Flows returns one page of flows.
func (c *Client) Flows(ctx context.Context, f Filter) (page api.FlowPage, err error) {
	err = c.get(ctx, f.query(), &page, "api/v1/flows")
	return page, err
}

// Flow returns one flow.
func (c *Client) Flow(ctx context.Context, choreography, id string) (d api.Detail, err error) {
	err = c.get(ctx, url.Values{"choreography": {choreography}}, &d, "api/v1/flows", id)
	return d, err
}

// Where returns where the flow with a key, or an id, is.
func (c *Client) Where(ctx context.Context, key string) (w api.Where, err error) {
	err = c.get(ctx, url.Values{"key": {key}}, &w, "api/v1/where")
	return w, err
}

// Choreographies returns the contracts in force.
func (c *Client) Choreographies(ctx context.Context) (all api.Choreographies, err error) {
	err = c.get(ctx, nil, &all, "api/v1/choreographies")
	return all, err
}

// Status returns how the observer fares.
func (c *Client) Status(ctx context.Context) (s observer.Status, err error) {
	err = c.get(ctx, nil, &s, "api/v1/status")
	return s, err
}

// CloseFlow has the observer write into the log that a flow is over.
func (c *Client) CloseFlow(ctx context.Context, choreography, id, reason, by string) (done api.Closing, err error) {
	body, err := json.Marshal(api.CloseRequest{Reason: reason, By: by})
	if err != nil {
		return done, err
	}
	r, err := c.request(ctx, http.MethodPost, url.Values{"choreography": {choreography}}, bytes.NewReader(body), "api/v1/flows", id, "close")
	if err != nil {
		return done, err
	}
	r.Header.Set("Content-Type", "application/json")
	err = c.do(r, &done)
	return done, err
}

func (c *Client) get(ctx context.Context, query url.Values, into any, path ...string) error {
	r, err := c.request(ctx, http.MethodGet, query, http.NoBody, path...)
	if err != nil {
		return err
	}
	return c.do(r, into)
}

// request makes a request to a path, of which all but the first element are one
// segment each.
func (c *Client) request(ctx context.Context, method string, query url.Values, body io.Reader, path ...string) (*http.Request, error) {
	for i := 1; i < len(path); i++ {
		if path[i] == "" || path[i] == "." || path[i] == ".." {
			return nil, fmt.Errorf("%q is an id that no address can have", path[i])
		}
		path[i] = url.PathEscape(path[i])
	}
	address := c.base.JoinPath(path...)
	address.RawQuery = query.Encode()
	r, err := http.NewRequestWithContext(ctx, method, address.String(), body)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Accept", "application/json")
	if c.token != "" {
		r.Header.Set("Authorization", "Bearer "+c.token)
	}
	return r, nil
}

func (c *Client) do(r *http.Request, into any) error {
	ctx, cancel := context.WithTimeout(r.Context(), timeout)
	defer cancel()
	answer, err := c.http.Do(r.WithContext(ctx))
	if err != nil {
		return c.unreachable(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if err != nil {
		return c.unreachable(err)
	}
	if answer.StatusCode/100 != 2 {
		return c.refused(answer, body)
	}
	if err := json.Unmarshal(body, into); err != nil {
		return c.stranger(answer)
	}
	return nil
}

// Refusal is an answer of the observer that is not what was asked for.
type Refusal struct {
	// Status is the HTTP status.
	Status int
	// Detail says what is wrong and what to do.
	Detail string
}

// Error returns the detail.
func (e *Refusal) Error() string { return e.Detail }

// unreachable says that nobody answers.
func (c *Client) unreachable(err error) error {
	if errors.Is(err, context.Canceled) {
		return err
	}
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	return fmt.Errorf("no observer answers at %s (%w): start one with laban observe, or say where it is with --observer or LABAN_OBSERVER", c.base.Redacted(), err)
}

func (c *Client) stranger(answer *http.Response) error {
	return fmt.Errorf("what answers at %s is no observer of this version (it says %s): say where the observer is with --observer or LABAN_OBSERVER", c.base.Redacted(), answer.Status)
}

func (c *Client) refused(answer *http.Response, body []byte) error {
	kind, _, err := mime.ParseMediaType(answer.Header.Get("Content-Type"))
	var problem huma.ErrorModel
	if err != nil || kind != "application/problem+json" || json.Unmarshal(body, &problem) != nil {
		return c.stranger(answer)
	}
	detail := problem.Detail
	switch {
	case answer.StatusCode == http.StatusUnauthorized && c.token == "":
		detail = "the observer asks for its token: set " + api.TokenVariable + " to what it was started with"
	case answer.StatusCode == http.StatusUnauthorized:
		detail = "the observer does not take the token in " + api.TokenVariable + ": set it to what the observer was started with"
	}
	said := []string{detail}
	for _, e := range problem.Errors {
		if e != nil {
			said = append(said, strings.TrimPrefix(e.Location+": ", ": ")+e.Message)
		}
	}
	return &Refusal{Status: answer.StatusCode, Detail: api.Plain(strings.Join(said, "; "))}
}
