package order

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

type listed struct {
	Orders []Summary
	Next   string
}

// walk reads all pages by their Link headers, calling between after each page.
func walk(t *testing.T, s *shop, path string, between func(n int)) []Summary {
	t.Helper()
	var all []Summary
	for n := 0; path != ""; n++ {
		require.Less(t, n, 100, "the pages come to an end")
		a := s.do(http.MethodGet, path, nil)
		require.Equal(t, http.StatusOK, a.status, "%s", a.body)
		page := decode[listed](t, a)
		all = append(all, page.Orders...)
		path = ""
		if link := a.header.Get("Link"); link != "" {
			var rel string
			path, rel, _ = strings.Cut(strings.TrimPrefix(link, "<"), ">; ")
			require.Equal(t, `rel="next"`, rel)
			u, err := url.Parse(path)
			require.NoError(t, err)
			require.Equal(t, page.Next, u.Query().Get("after"))
		} else {
			require.Empty(t, page.Next)
		}
		between(n)
	}
	return all
}

func ids(orders []Summary) []string {
	all := make([]string, 0, len(orders))
	for _, o := range orders {
		all = append(all, o.ID)
	}
	return all
}

func TestPagesAreStableWhileOrdersArePlaced(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, url string) {
		s := openShop(t, url, shopOptions{})
		var before []string
		for range 11 {
			before = append(before, s.place().ID)
		}
		slices.Reverse(before)
		for _, limit := range []string{"1", "3", "11", "100"} {
			seen := ids(walk(t, s, "/orders?limit="+limit, func(int) { s.place() }))
			// What was placed between two walks is in front; the walk is over the
			// state at its first page.
			seen = seen[slices.Index(seen, before[0]):]
			require.Equal(t, before, seen, "limit %s: each order once, the newest first", limit)
		}
	})
}

func TestFiltersOfTheList(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, url string) {
		s := openShop(t, url, shopOptions{})
		var ada, shipped []string
		for i := range 6 {
			email := "Ada@Example.com"
			if i%2 == 1 {
				email = "bob@example.com"
			}
			o := decode[Order](t, s.do(http.MethodPost, "/orders", with("customer_email", email)))
			if i%2 == 0 {
				ada = append(ada, o.ID)
			}
			if i%3 == 0 {
				s.tell(o.ID, orderShipped, nil)
				shipped = append(shipped, o.ID)
			}
		}
		slices.Reverse(ada)
		slices.Reverse(shipped)
		nothing := func(int) {}
		require.Equal(t, ada, ids(walk(t, s, "/orders?limit=2&customer_email=ada%40example.com", nothing)), "letter case makes no difference")
		require.Equal(t, shipped, ids(walk(t, s, "/orders?limit=1&status=shipped", nothing)))
		both := walk(t, s, "/orders?limit=1&status=shipped&customer_email=ada@example.com", nothing)
		require.Len(t, both, 1)
		require.Equal(t, "Ada@Example.com", both[0].CustomerEmail, "as it was given")
		require.Equal(t, Shipped, both[0].Status)
		require.Empty(t, walk(t, s, "/orders?status=inconsistent", nothing))
		require.Empty(t, walk(t, s, "/orders?customer_email=%25", nothing), "no pattern")
	})
}
