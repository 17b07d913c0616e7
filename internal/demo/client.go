package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// client talks to the order API as any other client does.
type client struct {
	base string
	http *http.Client
}

// Bounds of one request.
const (
	requestTimeout = 10 * time.Second
	maxAnswer      = 1 << 20
)

// newClient returns a client of the API at base that keeps up to conns
// connections.
func newClient(base string, conns int) *client {
	return &client{base: base, http: &http.Client{
		Timeout: requestTimeout,
		Transport: &http.Transport{ // no proxy: the API is in this process
			MaxConnsPerHost:     conns,
			MaxIdleConnsPerHost: conns,
			IdleConnTimeout:     30 * time.Second,
		},
	}}
}

func (c *client) close() { c.http.CloseIdleConnections() }

// orderRequest is the body of POST /orders.
type orderRequest struct {
	CustomerEmail string        `json:"customer_email"`
	Items         []itemRequest `json:"items"`
	Currency      string        `json:"currency"`
	ShipTo        string        `json:"ship_to"`
	PaymentToken  string        `json:"payment_token"`
}

type itemRequest struct {
	SKU       string `json:"sku"`
	Quantity  int64  `json:"quantity"`
	UnitPrice int64  `json:"unit_price"`
}

// attempts is how often a request is made that the API could not serve.
const attempts = 3

// place places an order and returns its id. The idempotency key makes trying
// again safe.
func (c *client) place(ctx context.Context, r orderRequest, key string) (id string, err error) {
	for range attempts {
		var answer struct {
			ID string `json:"id"`
		}
		err = c.do(ctx, http.MethodPost, "/orders", key, r, &answer, http.StatusCreated)
		if err == nil {
			return answer.ID, nil
		}
		var said *problem
		if errors.As(err, &said) && said.Status < http.StatusInternalServerError || ctx.Err() != nil {
			break
		}
	}
	return "", err
}

// cancel asks for an order to be canceled.
func (c *client) cancel(ctx context.Context, id string) (cancelAnswer, error) {
	var err error
	for range attempts {
		err = c.do(ctx, http.MethodPost, "/orders/"+url.PathEscape(id)+"/cancel", "", map[string]string{"reason": "changed my mind"}, nil, http.StatusAccepted)
		if err == nil {
			return cancelAccepted, nil
		}
		var said *problem
		if errors.As(err, &said) && said.Status == http.StatusConflict {
			return cancelTooLate, nil
		}
		if ctx.Err() != nil {
			break
		}
	}
	return cancelFailed, err
}

// statuses returns the status of every order there is, by id.
func (c *client) statuses(ctx context.Context) (map[string]string, error) {
	all := make(map[string]string)
	for after := ""; ; {
		var page struct {
			Orders []struct {
				ID     string `json:"id"`
				Status string `json:"status"`
			} `json:"orders"`
			Next string `json:"next"`
		}
		query := url.Values{"limit": {"100"}}
		if after != "" {
			query.Set("after", after)
		}
		if err := c.do(ctx, http.MethodGet, "/orders?"+query.Encode(), "", nil, &page, http.StatusOK); err != nil {
			return nil, err
		}
		for _, o := range page.Orders {
			all[o.ID] = o.Status
		}
		if after = page.Next; after == "" {
			return all, nil
		}
	}
}

// problem is an answer that is not what was hoped for (RFC 9457).
type problem struct {
	Status int    `json:"status"`
	Title  string `json:"title"`
	Detail string `json:"detail"`
}

// Error says what the API said.
func (p *problem) Error() string {
	return fmt.Sprintf("the order API answered %d %s: %s", p.Status, p.Title, p.Detail)
}

func (c *client) do(ctx context.Context, method, path, key string, body, into any, want int) error {
	var content io.Reader
	if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			return fmt.Errorf("encode the request: %w", err)
		}
		content = bytes.NewReader(encoded)
	}
	r, err := http.NewRequestWithContext(ctx, method, c.base+path, content)
	if err != nil {
		return err
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if key != "" {
		r.Header.Set("Idempotency-Key", key)
	}
	answer, err := c.http.Do(r)
	if err != nil {
		return fmt.Errorf("ask the order API: %w", err)
	}
	defer func() { _ = answer.Body.Close() }() // read to its end below
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("read the order API's answer: %w", err)
	}
	if answer.StatusCode != want {
		p := &problem{}
		_ = json.Unmarshal(text, p) // the status says enough where there is no problem to read
		p.Status, p.Title = answer.StatusCode, http.StatusText(answer.StatusCode)
		return p
	}
	if into == nil {
		return nil
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("decode the order API's answer: %w", err)
	}
	return nil
}
