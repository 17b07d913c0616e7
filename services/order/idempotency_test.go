package order

import (
	"context"
	"database/sql"
	"fmt"
	"net/http"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/chassis"
	"github.com/laban-io/laban/services/internal/servicetest"
)

func TestTheSameKeyGivesTheSameAnswer(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, url string) {
		s := openShop(t, url, shopOptions{})
		first := s.do(http.MethodPost, "/orders", goodOrder(), "Idempotency-Key", "key-1")
		require.Equal(t, http.StatusCreated, first.status, "%s", first.body)
		o := decode[Order](t, first)
		s.tell(o.ID, orderShipped, map[string]any{"tracking_number": "PX-1"})

		again := s.do(http.MethodPost, "/orders", goodOrder(), "Idempotency-Key", "key-1")
		require.Equal(t, http.StatusCreated, again.status)
		require.Equal(t, "true", again.header.Get("Idempotent-Replayed"))
		require.Equal(t, first.header.Get("Location"), again.header.Get("Location"))
		require.Equal(t, string(first.body), string(again.body), "the first answer, though the order has shipped since")

		// White space and the order of fields make no other request.
		spaced := `{ "payment_token": "` + goodToken + `", "ship_to": "12 Mill Lane, Cambridge", "currency": "EUR",
			"items": [ {"unit_price": 1250, "quantity": 2, "sku": "mug"}, {"sku": "lamp", "quantity": 1, "unit_price": 1248} ],
			"customer_email": "ada@example.com" }`
		again = s.do(http.MethodPost, "/orders", spaced, "Idempotency-Key", "key-1")
		require.Equal(t, string(first.body), string(again.body))

		other := s.place("Idempotency-Key", "key-2")
		require.NotEqual(t, o.ID, other.ID)
		s.published(other.ID, orderPlaced, 1)
		require.Len(t, s.publishedNow("", orderPlaced), 2, "one event for each order")
	})
}

func TestTheSameKeyForAnotherRequestIsRefused(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, url string) {
		s := openShop(t, url, shopOptions{})
		o := s.place("Idempotency-Key", "key-1")
		for _, body := range []any{
			with("currency", "USD"), with("ship_to", "elsewhere"), with("payment_token", "tok_declined"),
			with("items", []any{map[string]any{"sku": "mug", "quantity": 1, "unit_price": 1250}}),
		} {
			p := requireProblem(t, s.do(http.MethodPost, "/orders", body, "Idempotency-Key", "key-1"), http.StatusUnprocessableEntity)
			require.Equal(t, codeKeyReused, p.Code)
		}
		list := decode[struct{ Orders []Summary }](t, s.do(http.MethodGet, "/orders", nil))
		require.Len(t, list.Orders, 1)
		require.Equal(t, o.ID, list.Orders[0].ID)
	})
}

func TestWithoutAKeyEveryRequestIsAnOrder(t *testing.T) {
	s := openShop(t, "sqlite::memory:", shopOptions{})
	first, second := s.place(), s.place()
	require.NotEqual(t, first.ID, second.ID)
}

// TestARefusedRequestDoesNotTakeItsKey: the client puts it right and sends it
// again.
func TestARefusedRequestDoesNotTakeItsKey(t *testing.T) {
	s := openShop(t, "sqlite::memory:", shopOptions{})
	requireProblem(t, s.do(http.MethodPost, "/orders", with("currency", "eur"), "Idempotency-Key", "key-1"), http.StatusUnprocessableEntity)
	s.place("Idempotency-Key", "key-1")
}

// TestConcurrentDuplicatesAreOneOrder: many equal requests at once, for several
// keys, and with each key one request that differs.
func TestConcurrentDuplicatesAreOneOrder(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, url string) {
		s := openShop(t, url, shopOptions{})
		const keys, copies = 4, 8
		type result struct {
			answer
			err error
		}
		results := make([][copies]result, keys)
		var all sync.WaitGroup
		begin := make(chan struct{})
		for k := range keys {
			for c := range copies {
				body := goodOrder()
				if c == 0 {
					body = with("currency", "USD")
				}
				all.Go(func() {
					<-begin
					r := &results[k][c]
					r.answer, r.err = s.try(http.MethodPost, "/orders", body, "Idempotency-Key", fmt.Sprint("key-", k))
				})
			}
		}
		close(begin)
		all.Wait()

		orders := make(map[string]bool)
		for k := range keys {
			bodies, fresh, refused := make(map[string]int), 0, 0
			for _, r := range results[k] {
				require.NoError(t, r.err)
				switch r.status {
				case http.StatusCreated:
					bodies[string(r.body)]++
					orders[decode[Order](t, r.answer).ID] = true
					if r.header.Get("Idempotent-Replayed") == "" {
						fresh++
					}
				case http.StatusUnprocessableEntity:
					refused++
				default:
					t.Fatalf("status %d: %s", r.status, r.body)
				}
			}
			require.Equal(t, 1, fresh, "one request made the order")
			require.Len(t, bodies, 1, "all accepted ones have the same answer")
			require.Contains(t, []int{1, copies - 1}, refused, "whoever came first decides which request the key is for")
		}
		require.Len(t, orders, keys)
		last := s.place()
		s.published(last.ID, orderPlaced, 1)
		require.Len(t, s.publishedNow("", orderPlaced), keys+1, "one event for each order")
	})
}

// meeting lets nobody into a transaction before all have come to the door.
type meeting struct {
	chassis.Outbox
	all *sync.WaitGroup
}

func (m meeting) Transact(ctx context.Context, fn func(context.Context, *sql.Tx) error) error {
	m.all.Done()
	m.all.Wait()
	return m.Outbox.Transact(ctx, fn)
}

// TestDuplicatesThatNoneHasAnsweredYet: all of them have seen that the key is
// free before the first one takes it.
func TestDuplicatesThatNoneHasAnsweredYet(t *testing.T) {
	servicetest.EachDatabase(t, func(t *testing.T, url string) {
		const n = 6
		var all sync.WaitGroup
		all.Add(n)
		b := newBenchOf(t, url, func(p *chassis.Parts) { p.Outbox = meeting{p.Outbox, &all} })
		answers := make([]answer, n)
		var requests sync.WaitGroup
		for i := range n {
			requests.Go(func() { answers[i] = b.call(&quietly{}, http.MethodPost, "/orders", "key-1", goodOrder()) })
		}
		requests.Wait()
		fresh := 0
		for _, a := range answers {
			require.Equal(t, http.StatusCreated, a.status, "%s", a.body)
			require.Equal(t, string(answers[0].body), string(a.body))
			if a.header.Get("Idempotent-Replayed") == "" {
				fresh++
			}
		}
		require.Equal(t, 1, fresh)
	})
}
