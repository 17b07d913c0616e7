package choreographytest

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"

	"github.com/stretchr/testify/require"
)

// wish is what a customer orders.
type wish struct {
	sku      string
	quantity int64
	price    int64 // of one, in cents
	token    string
	shipTo   string
}

func (w wish) amount() int64 { return w.quantity * w.price }

// The wishes that lead to the fates.
func willShip() wish       { return wish{"mug", 2, 950, "tok_approved", "12 Mill Lane, Cambridge"} }
func willBeOut() wish      { return wish{"vase", 3, 7000, "tok_approved", "12 Mill Lane, Cambridge"} }
func willBeDeclined() wish { return wish{"lamp", 1, 4000, "tok_declined", "12 Mill Lane, Cambridge"} }
func willTimeOut() wish    { return wish{"mug", 1, 950, "tok_timeout", "12 Mill Lane, Cambridge"} }
func willBeLost() wish     { return wish{"lamp", 2, 4000, "tok_approved", "The Middle of Nowhere"} }

// place orders over HTTP and returns the order's id.
func (s *system) place(t require.TestingT, w wish) string {
	var answer struct{ ID string }
	status := s.call(t, http.MethodPost, "/orders", map[string]any{
		"customer_email": "jane@example.com", "currency": "EUR", "ship_to": w.shipTo, "payment_token": w.token,
		"items": []map[string]any{{"sku": w.sku, "quantity": w.quantity, "unit_price": w.price}},
	}, &answer)
	require.Equal(t, http.StatusCreated, status)
	require.NotEmpty(t, answer.ID)
	return answer.ID
}

// cancel asks for an order to be canceled, and returns the status of the answer.
func (s *system) cancel(t require.TestingT, orderID string) int {
	return s.call(t, http.MethodPost, "/orders/"+orderID+"/cancel", map[string]any{"reason": "changed my mind"}, nil)
}

// status returns an order's status as the API shows it.
func (s *system) status(t require.TestingT, orderID string) string {
	var answer struct{ Status string }
	require.Equal(t, http.StatusOK, s.call(t, http.MethodGet, "/orders/"+orderID, nil, &answer))
	return answer.Status
}

func (s *system) call(t require.TestingT, method, path string, body, answer any) int {
	var sent io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		require.NoError(t, err)
		sent = bytes.NewReader(text)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, s.api+path, sent)
	require.NoError(t, err)
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	response, err := s.client.Do(r)
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	if answer != nil && response.StatusCode < 300 {
		require.NoError(t, json.Unmarshal(text, answer), "%s", text)
	}
	require.Less(t, response.StatusCode, 500, "%s", text)
	return response.StatusCode
}
