package order

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

func (s *shop) cancel(id string, body any) answer {
	s.t.Helper()
	return s.do(http.MethodPost, "/orders/"+id+"/cancel", body)
}

func TestCancelIsAskedOnce(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, url string) {
		s := openShop(t, url, shopOptions{})
		o := s.place()
		first := s.cancel(o.ID, map[string]any{"reason": " ordered twice "})
		require.Equal(t, http.StatusAccepted, first.status, "%s", first.body)
		said := decode[CancelAnswer](t, first)
		require.Equal(t, CancelRequested, said.State)
		require.Equal(t, "ordered twice", said.Reason)
		require.Equal(t, o.ID, said.OrderID)
		for _, body := range []any{nil, map[string]any{"reason": "another"}, "{}"} {
			again := s.cancel(o.ID, body)
			require.Equal(t, http.StatusAccepted, again.status)
			require.Equal(t, string(first.body), string(again.body), "the answer is the same")
		}

		e := s.published(o.ID, orderCancelRequested, 1)[0]
		require.Equal(t, o.FlowID, e.FlowID, "it belongs to the order's flow")
		require.Equal(t, FlowName, e.FlowName)
		require.JSONEq(t, `{"order_id":"`+o.ID+`","customer_email":"ada@example.com","reason":"ordered twice"}`, string(e.Data))

		got := s.get(o.ID)
		require.Equal(t, Canceling, got.Status)
		list := decode[listed](t, s.do(http.MethodGet, "/orders?status=canceling", nil))
		require.Equal(t, []string{o.ID}, ids(list.Orders), "the list says the same")
		require.Equal(t, CancelRequested, got.Cancel.State)
		require.Nil(t, got.Cancel.AnsweredAt)
		require.True(t, said.RequestedAt.Equal(got.Cancel.RequestedAt))

		s.tell(o.ID, orderCanceled, nil)
		got = s.get(o.ID)
		require.Equal(t, Canceled, got.Status)
		require.Equal(t, CancelAccepted, got.Cancel.State)
		require.NotNil(t, got.Cancel.AnsweredAt)
		require.Len(t, s.publishedNow(o.ID, orderCancelRequested), 1, "one event for all the requests")
	})
}

// TestCancelInEveryState: what is answered, and what is published, whatever is
// known of the order.
func TestCancelInEveryState(t *testing.T) {
	s := openShop(t, "sqlite::memory:", shopOptions{})
	for name, c := range map[string]struct {
		facts     string // in this order; CR is a request by the customer
		status    int
		orderIs   Status
		published int
	}{
		"placed":                             {"", http.StatusAccepted, "", 1},
		"asked before":                       {"CR", http.StatusAccepted, "", 1},
		"asked before, rejected meanwhile":   {"CR SR", http.StatusAccepted, "", 1},
		"shipped":                            {"SH", http.StatusConflict, Shipped, 0},
		"out of stock":                       {"SR", http.StatusConflict, Rejected, 0},
		"declined":                           {"PR", http.StatusConflict, Rejected, 0},
		"declined and stock returned":        {"PR ST", http.StatusConflict, Rejected, 0},
		"delivery failed":                    {"DF", http.StatusConflict, Failed, 0},
		"stock returned, reason yet to come": {"ST", http.StatusAccepted, "", 1},
		"canceled":                           {"CR CA", http.StatusConflict, Canceled, 1},
		"canceled and refunded":              {"CR CA ST RF", http.StatusConflict, Canceled, 1},
		"refused":                            {"CR CF", http.StatusConflict, Placed, 1},
		"refused and shipped":                {"CR CF SH", http.StatusConflict, Shipped, 1},
		"shipped before the refusal":         {"CR SH", http.StatusConflict, Shipped, 1},
		"inconsistent":                       {"SH SR", http.StatusConflict, Inconsistent, 0},
	} {
		t.Run(name, func(t *testing.T) {
			o := s.place()
			for _, f := range strings.Fields(c.facts) {
				if f == "CR" {
					require.Equal(t, http.StatusAccepted, s.cancel(o.ID, nil).status)
					continue
				}
				s.tell(o.ID, short[f], map[string]any{"reason": "because"})
			}
			before := s.get(o.ID)
			a := s.cancel(o.ID, nil)
			require.Equal(t, c.status, a.status, "%s", a.body)
			if c.status == http.StatusConflict {
				p := requireProblem(t, a, http.StatusConflict)
				require.Equal(t, codeOrderEnded, p.Code)
				require.Equal(t, c.orderIs, p.OrderStatus)
				if c.orderIs != Placed {
					require.Contains(t, p.Detail, string(c.orderIs), "the problem names the state")
				} else {
					require.Contains(t, p.Detail, "because", "the problem says why delivery refused")
				}
				require.Equal(t, before, s.get(o.ID), "nothing has changed")
			}
			s.published(o.ID, orderPlaced, 1)
			last := s.place() // published after all that went before
			s.published(last.ID, orderPlaced, 1)
			require.Len(t, s.publishedNow(o.ID, orderCancelRequested), c.published)
		})
	}
}

func TestHostileCancelRequests(t *testing.T) {
	s := openShop(t, "sqlite::memory:", shopOptions{})
	o := s.place()
	for name, c := range map[string]struct {
		body   any
		status int
	}{
		"reason too long":  {map[string]any{"reason": strings.Repeat("x", 201)}, http.StatusUnprocessableEntity},
		"reason no text":   {map[string]any{"reason": 1}, http.StatusUnprocessableEntity},
		"unknown field":    {map[string]any{"status": "canceled"}, http.StatusUnprocessableEntity},
		"not JSON":         {"{", http.StatusBadRequest},
		"larger than 64 K": {map[string]any{"reason": strings.Repeat("x", 70_000)}, http.StatusRequestEntityTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			requireProblem(t, s.cancel(o.ID, c.body), c.status)
		})
	}
	require.Equal(t, Placed, s.get(o.ID).Status, "none of it was a request")

	a := s.cancel(o.ID, map[string]any{"reason": "line\r\nbreak\x1b[2J\x00"})
	require.Equal(t, http.StatusAccepted, a.status, "%s", a.body)
	require.Equal(t, "line  break [2J", decode[CancelAnswer](t, a).Reason, "control characters are taken out")
}

func TestConcurrentCancelRequestsAreOne(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, url string) {
		s := openShop(t, url, shopOptions{})
		o := s.place()
		const n = 12
		answers, errs := make([]answer, n), make([]error, n)
		var all sync.WaitGroup
		begin := make(chan struct{})
		for i := range n {
			all.Go(func() {
				<-begin
				answers[i], errs[i] = s.try(http.MethodPost, "/orders/"+o.ID+"/cancel", map[string]any{"reason": strings.Repeat("r", i+1)})
			})
		}
		close(begin)
		all.Wait()
		for i := range n {
			require.NoError(t, errs[i])
			require.Equal(t, http.StatusAccepted, answers[i].status, "%s", answers[i].body)
			require.Equal(t, string(answers[0].body), string(answers[i].body))
		}
		last := s.place()
		s.published(last.ID, orderPlaced, 1)
		require.Len(t, s.publishedNow(o.ID, orderCancelRequested), 1)
	})
}
