package order

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/chassis"
	"github.com/laban-io/laban/pkg/event"
)

func TestPlaceAnOrder(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, url string) {
		s := openShop(t, url, shopOptions{})
		a := s.do(http.MethodPost, "/orders", goodOrder())
		require.Equal(t, http.StatusCreated, a.status, "%s", a.body)
		require.Equal(t, "application/json", a.header.Get("Content-Type"))
		require.Empty(t, a.header.Get("Idempotent-Replayed"))
		o := decode[Order](t, a)
		require.Equal(t, "/orders/"+o.ID, a.header.Get("Location"))
		require.Equal(t, Placed, o.Status)
		require.Equal(t, int64(2*1250+1248), o.Amount, "the sum is the server's")
		require.Len(t, o.History, 1)
		require.Equal(t, orderPlaced, o.History[0].Type)

		e := s.published(o.ID, orderPlaced, 1)[0]
		require.Equal(t, o.ID, e.Subject)
		require.Equal(t, FlowName, e.FlowName)
		require.Equal(t, o.FlowID, e.FlowID)
		require.Equal(t, o.History[0].EventID, e.ID, "the history names the event")
		require.Equal(t, "1.2.3", e.ServiceVersion)
		require.True(t, o.History[0].At.Equal(e.Time))
		require.JSONEq(t, `{"order_id":"`+o.ID+`","customer_email":"ada@example.com",
			"items":[{"sku":"mug","quantity":2,"unit_price":1250},{"sku":"lamp","quantity":1,"unit_price":1248}],
			"amount":3748,"currency":"EUR","payment_token":"tok_approved-4242","ship_to":"12 Mill Lane, Cambridge"}`, string(e.Data))

		require.Empty(t, cmp.Diff(o, s.get(o.ID)), "what was answered is what is stored")
	})
}

func TestHistoryShowsWhatHappened(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, url string) {
		s := openShop(t, url, shopOptions{})

		o := s.place()
		s.tell(o.ID, orderShipped, map[string]any{"tracking_number": "PX-1", "amount": 3748})
		got := s.get(o.ID)
		require.Equal(t, Shipped, got.Status)
		require.Equal(t, "PX-1", got.Tracking)
		require.Equal(t, []string{orderPlaced, orderShipped}, types(got))
		require.Equal(t, "others", got.History[1].Source)
		require.Zero(t, got.History[1].Amount, "the order's own amount is not repeated")
		require.False(t, got.History[1].RecordedAt.Before(got.History[1].At), "one clock")
		require.True(t, got.UpdatedAt.After(o.UpdatedAt))

		o = s.place()
		s.tell(o.ID, deliveryFailed, map[string]any{"reason": "nobody lives there"})
		s.tell(o.ID, stockReturned, nil)
		s.tell(o.ID, refundProcessed, map[string]any{"amount": 3748, "currency": "EUR", "refund_id": "rf_1"})
		got = s.get(o.ID)
		require.Equal(t, Failed, got.Status)
		require.Equal(t, "nobody lives there", got.Reason)
		require.NotNil(t, got.Compensations.StockReturnedAt)
		require.NotNil(t, got.Compensations.RefundedAt)
		require.Equal(t, int64(3748), got.Compensations.RefundedAmount)
		require.Equal(t, "rf_1", got.History[3].RefundID)

		o = s.place()
		s.tell(o.ID, paymentRejected, map[string]any{"reason": "declined"})
		got = s.get(o.ID)
		require.Equal(t, Rejected, got.Status)
		require.Equal(t, "declined", got.Reason)
		require.Nil(t, got.Cancel)
	})
}

func TestHostileRequestsAreRefused(t *testing.T) {
	s := openShop(t, "sqlite::memory:", shopOptions{})
	item := func(field string, value any) map[string]any {
		it := map[string]any{"sku": "mug", "quantity": 1, "unit_price": 100}
		it[field] = value
		if value == nil {
			delete(it, field)
		}
		return with("items", []any{it})
	}
	many := func(n int) []any {
		var items []any
		for i := range n {
			items = append(items, map[string]any{"sku": "sku-" + strings.Repeat("x", i), "quantity": 1, "unit_price": 1})
		}
		return items
	}
	for name, c := range map[string]struct {
		body   any
		status int
	}{
		"no body":                  {nil, http.StatusBadRequest},
		"not JSON":                 {`{"customer_email":`, http.StatusBadRequest},
		"an array":                 {`[]`, http.StatusUnprocessableEntity},
		"null":                     {`null`, http.StatusUnprocessableEntity},
		"deeply nested":            {strings.Repeat("[", 20_000), http.StatusBadRequest},
		"unknown field":            {with("amount", 1), http.StatusUnprocessableEntity},
		"no items":                 {with("items", []any{}), http.StatusUnprocessableEntity},
		"items missing":            {with("items", nil), http.StatusUnprocessableEntity},
		"51 items":                 {with("items", many(51)), http.StatusUnprocessableEntity},
		"the same SKU twice":       {with("items", []any{many(1)[0], many(1)[0]}), http.StatusUnprocessableEntity},
		"quantity 0":               {item("quantity", 0), http.StatusUnprocessableEntity},
		"quantity -1":              {item("quantity", -1), http.StatusUnprocessableEntity},
		"quantity 1001":            {item("quantity", 1001), http.StatusUnprocessableEntity},
		"quantity 1.5":             {item("quantity", 1.5), http.StatusUnprocessableEntity},
		"quantity 1e300":           {item("quantity", json.Number("1e300")), http.StatusUnprocessableEntity},
		"quantity text":            {item("quantity", "1"), http.StatusUnprocessableEntity},
		"price 0":                  {item("unit_price", 0), http.StatusUnprocessableEntity},
		"price too high":           {item("unit_price", 1_000_000_001), http.StatusUnprocessableEntity},
		"price that overflows":     {item("unit_price", json.Number("18446744073709551617")), http.StatusUnprocessableEntity},
		"price missing":            {item("unit_price", nil), http.StatusUnprocessableEntity},
		"SKU empty":                {item("sku", ""), http.StatusUnprocessableEntity},
		"SKU with a space":         {item("sku", "a b"), http.StatusUnprocessableEntity},
		"SKU with a NUL":           {item("sku", "a\x00b"), http.StatusUnprocessableEntity},
		"SKU with a line":          {item("sku", "mug\n"), http.StatusUnprocessableEntity},
		"SKU too long":             {item("sku", strings.Repeat("x", 65)), http.StatusUnprocessableEntity},
		"currency lower case":      {with("currency", "eur"), http.StatusUnprocessableEntity},
		"currency of four":         {with("currency", "EURO"), http.StatusUnprocessableEntity},
		"currency missing":         {with("currency", nil), http.StatusUnprocessableEntity},
		"no address":               {with("customer_email", "ada"), http.StatusUnprocessableEntity},
		"address with a name":      {with("customer_email", "Ada <ada@example.com>"), http.StatusUnprocessableEntity},
		"address with a header":    {with("customer_email", "ada@example.com\r\nBcc: eve@example.com"), http.StatusUnprocessableEntity},
		"two addresses":            {with("customer_email", "ada@example.com,eve@example.com"), http.StatusUnprocessableEntity},
		"address quoted":           {with("customer_email", `"ada"@example.com`), http.StatusUnprocessableEntity},
		"address in Unicode":       {with("customer_email", "ada@exämple.com"), http.StatusUnprocessableEntity},
		"address literal":          {with("customer_email", "ada@[127.0.0.1]"), http.StatusUnprocessableEntity},
		"address too long":         {with("customer_email", strings.Repeat("a", 250)+"@b.de"), http.StatusUnprocessableEntity},
		"ship_to empty":            {with("ship_to", ""), http.StatusUnprocessableEntity},
		"ship_to blank":            {with("ship_to", "   "), http.StatusUnprocessableEntity},
		"ship_to with an escape":   {with("ship_to", "a\x1b[2Jb"), http.StatusUnprocessableEntity},
		"ship_to with two lines":   {with("ship_to", "a\nb"), http.StatusUnprocessableEntity},
		"ship_to too long":         {with("ship_to", strings.Repeat("x", 301)), http.StatusUnprocessableEntity},
		"token missing":            {with("payment_token", nil), http.StatusUnprocessableEntity},
		"token with a space":       {with("payment_token", goodToken+" "), http.StatusUnprocessableEntity},
		"token in the wrong place": {with("currency", goodToken), http.StatusUnprocessableEntity},
		"larger than 64 KiB":       {with("ship_to", strings.Repeat("x", 70_000)), http.StatusRequestEntityTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			a := s.do(http.MethodPost, "/orders", c.body)
			requireProblem(t, a, c.status)
			require.NotContains(t, string(a.body), goodToken, "a problem repeats no token")
		})
	}
	a := s.do(http.MethodPost, "/orders", goodOrder(), "Content-Type", "text/xml")
	requireProblem(t, a, http.StatusUnsupportedMediaType)
	a = s.do(http.MethodPost, "/orders", goodOrder(), "Idempotency-Key", "two words")
	requireProblem(t, a, http.StatusUnprocessableEntity)
	a = s.do(http.MethodPost, "/orders", goodOrder(), "Idempotency-Key", strings.Repeat("k", 256))
	requireProblem(t, a, http.StatusUnprocessableEntity)

	list := decode[struct{ Orders []Summary }](t, s.do(http.MethodGet, "/orders", nil))
	require.Empty(t, list.Orders, "none of it left anything behind")
	require.NotContains(t, s.log.String(), goodToken)
}

func TestBoundsAreAccepted(t *testing.T) {
	s := openShop(t, "sqlite::memory:", shopOptions{})
	var items []any
	for i := range 50 {
		items = append(items, map[string]any{"sku": "s" + strings.Repeat("x", i), "quantity": 1000, "unit_price": 1_000_000_000})
	}
	a := s.do(http.MethodPost, "/orders", with("items", items))
	require.Equal(t, http.StatusCreated, a.status, "%s", a.body)
	require.Equal(t, int64(50_000_000_000_000), decode[Order](t, a).Amount)
}

func TestOtherPathsAndMethodsAreProblems(t *testing.T) {
	s := openShop(t, "sqlite::memory:", shopOptions{})
	unknown := event.NewID()
	for _, c := range []struct {
		method, path string
		status       int
	}{
		{http.MethodGet, "/", http.StatusNotFound},
		{http.MethodGet, "/docs", http.StatusNotFound},
		{http.MethodGet, "/orders/" + unknown, http.StatusNotFound},
		{http.MethodPost, "/orders/" + unknown + "/cancel", http.StatusNotFound},
		{http.MethodGet, "/orders/1042", http.StatusUnprocessableEntity},
		{http.MethodGet, "/orders/%27%20OR%201=1--", http.StatusUnprocessableEntity},
		{http.MethodGet, "/orders/" + unknown + "%00", http.StatusUnprocessableEntity},
		{http.MethodDelete, "/orders", http.StatusMethodNotAllowed},
		{http.MethodPut, "/orders/" + unknown, http.StatusMethodNotAllowed},
		{http.MethodGet, "/orders/" + unknown + "/cancel", http.StatusMethodNotAllowed},
		{http.MethodGet, "/orders?limit=0", http.StatusUnprocessableEntity},
		{http.MethodGet, "/orders?limit=101", http.StatusUnprocessableEntity},
		{http.MethodGet, "/orders?status=lost", http.StatusUnprocessableEntity},
		{http.MethodGet, "/orders?after=x", http.StatusUnprocessableEntity},
		{http.MethodGet, "/orders?page=2", http.StatusUnprocessableEntity},
	} {
		a := s.do(c.method, c.path, nil)
		requireProblem(t, a, c.status)
		require.Equal(t, c.status == http.StatusMethodNotAllowed, a.header.Get("Allow") != "", "%s %s", c.method, c.path)
	}
}

func TestTheAPIDescribesItself(t *testing.T) {
	s := openShop(t, "sqlite::memory:", shopOptions{})
	a := s.do(http.MethodGet, "/openapi.json", nil)
	require.Equal(t, http.StatusOK, a.status)
	require.Equal(t, "application/openapi+json", a.header.Get("Content-Type"))
	spec := decode[struct {
		OpenAPI string
		Info    struct{ Version string }
		Paths   map[string]map[string]struct {
			Responses map[string]struct {
				Content map[string]struct {
					Schema struct {
						Ref string `json:"$ref"`
					}
				}
			}
		}
		Components struct {
			Schemas map[string]struct {
				Properties map[string]map[string]any
			}
		}
	}](t, a)
	require.True(t, strings.HasPrefix(spec.OpenAPI, "3.1."), spec.OpenAPI)
	require.Equal(t, "1.2.3", spec.Info.Version)
	for path, methods := range map[string]map[string]string{
		"/orders":             {"post": "201", "get": "200"},
		"/orders/{id}":        {"get": "200"},
		"/orders/{id}/cancel": {"post": "202"},
	} {
		for method, status := range methods {
			responses := spec.Paths[path][method].Responses
			require.Contains(t, responses[status].Content, "application/json", "%s %s", method, path)
			require.Equal(t, "#/components/schemas/Problem", responses["422"].Content[problemType].Schema.Ref, "%s %s", method, path)
		}
	}
	require.Contains(t, spec.Components.Schemas["Problem"].Properties, "order_status")
	require.Equal(t, true, spec.Components.Schemas["Place"].Properties["payment_token"]["writeOnly"])

	// What is referred to is there, and every status that there is.
	for _, ref := range regexp.MustCompile(`"#/components/schemas/([^"]+)"`).FindAllSubmatch(a.body, -1) {
		require.Contains(t, spec.Components.Schemas, string(ref[1]))
	}
	var all []any
	for _, status := range statuses() {
		all = append(all, string(status))
	}
	for _, schema := range []string{"Order", "Summary"} {
		require.Equal(t, all, spec.Components.Schemas[schema].Properties["status"]["enum"])
	}
	require.Equal(t, all, spec.Components.Schemas["Problem"].Properties["order_status"]["enum"])
}

// TestADatabaseThatDoesNotAnswerIs503: the client is to try again.
func TestADatabaseThatDoesNotAnswerIs503(t *testing.T) {
	var outbox chassis.Outbox
	b := newBenchOf(t, "sqlite::memory:", func(p *chassis.Parts) { outbox = p.Outbox })
	require.NoError(t, outbox.Transact(t.Context(), func(context.Context, *sql.Tx) error { // the only writer
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		text, err := json.Marshal(goodOrder())
		require.NoError(t, err)
		req := httptest.NewRequestWithContext(ctx, http.MethodPost, "/orders", bytes.NewReader(text))
		res := httptest.NewRecorder()
		b.api.ServeHTTP(res, req)
		a := answer{status: res.Code, header: res.Header(), body: res.Body.Bytes()}
		requireProblem(t, a, http.StatusServiceUnavailable)
		require.NotEmpty(t, a.header.Get("Retry-After"))
		return nil
	}))
	b.place(t)
}

// TestAFaultOfOursIsNotExplainedToClients.
func TestAFaultOfOursIsNotExplainedToClients(t *testing.T) {
	var db *sql.DB
	b := newBenchOf(t, "sqlite::memory:", func(p *chassis.Parts) { db = p.DB })
	_, err := db.ExecContext(t.Context(), "ALTER TABLE orders RENAME TO lost_orders")
	require.NoError(t, err)
	res := httptest.NewRecorder()
	b.api.ServeHTTP(res, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/orders", nil))
	a := answer{status: res.Code, header: res.Header(), body: res.Body.Bytes()}
	requireProblem(t, a, http.StatusInternalServerError)
	require.NotContains(t, string(a.body), "no such table")
	require.Contains(t, b.Log(), "no such table")
}

// TestThePaymentTokenIsNeverShown: it goes into order.placed and nowhere else.
func TestThePaymentTokenIsNeverShown(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, url string) {
		s := openShop(t, url, shopOptions{})
		a := s.do(http.MethodPost, "/orders", goodOrder(), "Idempotency-Key", "k1")
		require.NotContains(t, string(a.body), goodToken)
		o := decode[Order](t, a)
		s.published(o.ID, orderPlaced, 1)
		for _, path := range []string{"/orders/" + o.ID, "/orders"} {
			require.NotContains(t, string(s.do(http.MethodGet, path, nil).body), goodToken)
		}
		replay := s.do(http.MethodPost, "/orders", goodOrder(), "Idempotency-Key", "k1")
		require.NotContains(t, string(replay.body), goodToken)
		require.NotContains(t, s.log.String(), goodToken)

		for _, table := range []string{"orders", "order_facts", "idempotency_keys"} {
			require.NotContains(t, dump(t, s, table), goodToken, table)
		}
	})
}

// dump returns every value of a table.
func dump(t *testing.T, s *shop, table string) string {
	t.Helper()
	rows, err := s.parts.DB.QueryContext(t.Context(), "SELECT * FROM "+table)
	require.NoError(t, err)
	defer rows.Close()
	columns, err := rows.Columns()
	require.NoError(t, err)
	var text strings.Builder
	for rows.Next() {
		values := make([]any, len(columns))
		for i := range values {
			values[i] = new(any)
		}
		require.NoError(t, rows.Scan(values...))
		require.NoError(t, json.NewEncoder(&text).Encode(values))
	}
	require.NoError(t, rows.Err())
	require.NotEmpty(t, text.String(), "%s has rows", table)
	return text.String()
}

func types(o Order) []string {
	var all []string
	for _, h := range o.History {
		all = append(all, h.Type)
	}
	return all
}
