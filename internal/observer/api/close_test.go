package api_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/observer"
	"github.com/laban-io/laban/internal/observer/api"
	"github.com/laban-io/laban/pkg/flow"
)

func closing(t *testing.T, a *api.API, id, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "/api/v1/flows/"+id+"/close", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	return ask(t, a, r)
}

func TestAFlowIsClosedWithAReason(t *testing.T) {
	w := newWorld(t)
	w.Chain("1042", "order.placed")
	w.Chain("1043", "order.placed", "stock.rejected")
	a := w.serve()

	answer := closing(t, a, "F1042", `{"reason":" refunded by hand\u001b[2J ","by":"ann"}`)
	require.Equal(t, 202, answer.Code, "%s", answer.Body)
	require.JSONEq(t, `{"id":"F1042","choreography":"order","key":"1042","reason":"refunded by hand�[2J","by":"ann"}`, answer.Body.String())
	require.Equal(t, []flow.Closing{{Choreography: "order", FlowID: "F1042", Reason: "refunded by hand�[2J", By: "ann"}}, w.Closings())

	for _, body := range []string{`{}`, `{"reason":""}`, `{"reason":"  "}`, `{"reason":"x","color":"red"}`, `{"reason":"` + strings.Repeat("x", 501) + `"}`} {
		require.Equal(t, 422, closing(t, a, "F1042", body).Code, body)
	}
	require.Equal(t, 400, closing(t, a, "F1042", `{"reason":`).Code)
	require.Equal(t, 404, closing(t, a, "nobody", `{"reason":"x"}`).Code)
	answer = closing(t, a, "F1043", `{"reason":"x"}`)
	require.Equal(t, 409, answer.Code)
	require.Contains(t, answer.Body.String(), "the flow has ended: it is failed")
	require.Len(t, w.Closings(), 1)
}

func TestAClosingThatMayBeLostIsNoSuccess(t *testing.T) {
	w := newWorld(t)
	w.Chain("1042", "order.placed")
	a := w.serve()
	w.Refuse(errors.New("amqp://user:password@broker is gone"))
	answer := closing(t, a, "F1042", `{"reason":"x"}`)
	require.Equal(t, 503, answer.Code)
	require.Contains(t, answer.Body.String(), "could not be written into the log")
	require.NotContains(t, answer.Body.String(), "password")

	w.Set(func(s *observer.Status) { s.Role = observer.Standby })
	answer = closing(t, a, "F1042", `{"reason":"x"}`)
	require.Equal(t, 503, answer.Code)
	require.Contains(t, answer.Body.String(), "ask the active one")
	require.Empty(t, w.Closings())
}

func TestReadySaysWhyNot(t *testing.T) {
	w := newWorld(t)
	a := w.serve()
	for want, change := range map[string]func(*observer.Status){
		`{"status":"ready"}`:  func(s *observer.Status) { s.Role = observer.Active },
		`{"status":"ready" }`: func(s *observer.Status) { s.Role = observer.Standby },
		`{"status": "ready"}`: func(s *observer.Status) { s.Role, s.Blind = observer.Active, observer.BrokerBlocked },
		`{"status":"not ready","why":["the observer is starting"]}`: func(s *observer.Status) { s.Role = observer.Starting },
		`{"status":"not ready","why":["blind, unreachable: connection refused"]}`: func(s *observer.Status) {
			s.Role, s.Blind, s.BlindDetail = observer.Active, observer.Unreachable, "connection refused"
		},
		`{"status":"not ready","why":["blind, lag"]}`: func(s *observer.Status) { s.Role, s.Blind, s.BlindDetail = observer.Active, observer.Lagging, "" },
	} {
		w.Set(func(s *observer.Status) { s.Blind, s.BlindDetail = observer.NotBlind, "" })
		w.Set(change)
		answer := get(t, a, "/readyz")
		require.JSONEq(t, want, answer.Body.String())
		require.Equal(t, map[bool]int{true: 503, false: 200}[strings.Contains(want, "not ready")], answer.Code)
		require.Equal(t, 200, get(t, a, "/healthz").Code)
	}
	w.Set(func(s *observer.Status) { s.Role, s.Blind = observer.Active, observer.NotBlind })
	require.NoError(t, w.Ledger.Close())
	require.JSONEq(t, `{"status":"not ready","why":["the ledger does not answer"]}`, get(t, a, "/readyz").Body.String())
	answer := get(t, a, "/api/v1/flows")
	require.Equal(t, 503, answer.Code)
	require.Contains(t, answer.Body.String(), "see the observer's log for why")
	require.NotContains(t, answer.Body.String(), "sql")
}
