package demo

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// instant answers every request at once, without a network.
type instant struct{ asked func(*http.Request) }

func (i instant) RoundTrip(r *http.Request) (*http.Response, error) {
	i.asked(r)
	return &http.Response{StatusCode: http.StatusServiceUnavailable, Body: http.NoBody, Request: r}, nil
}

// placedAt lets a placer place orders that all fail, and returns when each was
// asked for first.
func placedAt(t *testing.T, p *placer, stop <-chan struct{}) (at []time.Duration) {
	begin := time.Now()
	keys := make(map[string]bool)
	asked := make(chan string, 1000)
	p.client = &client{base: "http://api", http: &http.Client{Transport: instant{func(r *http.Request) {
		asked <- r.Header.Get("Idempotency-Key")
	}}}}
	p.book = newBook(customers{run: "run"}, time.Second, time.Now)
	p.shop, p.run = newShop(p.book.customers, DefaultMix(), p.orders, 1), "run"
	done := make(chan struct{})
	go func() {
		defer close(done)
		p.place(t.Context(), stop)
	}()
	for {
		select {
		case key := <-asked:
			if !keys[key] {
				keys[key] = true
				at = append(at, time.Since(begin))
			}
		case <-done:
			return at
		}
	}
}

func TestOrdersArePlacedAtTheRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		at := placedAt(t, &placer{orders: 21, rate: 4, slots: make(chan struct{}, 64)}, nil)
		require.Len(t, at, 21)
		for n, d := range at {
			require.Equal(t, time.Duration(n)*250*time.Millisecond, d)
		}
	})
}

func TestPlacingStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stop := make(chan struct{})
		time.AfterFunc(1050*time.Millisecond, func() { close(stop) })
		require.Len(t, placedAt(t, &placer{rate: 10, slots: make(chan struct{}, 64)}, stop), 11)
	})
}

func TestAfterALongWaitTheRateBeginsAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &placer{rate: 10}
		begin := time.Now()
		require.Equal(t, begin.Add(100*time.Millisecond), p.following(begin))
		<-time.After(500 * time.Millisecond)
		require.Equal(t, begin.Add(100*time.Millisecond), p.following(begin), "a short delay is made up for")
		<-time.After(time.Second)
		require.Equal(t, time.Now(), p.following(begin))
		require.Equal(t, begin, (&placer{}).following(begin), "without a rate nothing is due")
	})
}

// No more orders are open than there are slots.
func TestSlotsBoundWhatIsOpen(t *testing.T) {
	slots := make(chan struct{}, 3)
	p := &placer{slots: slots, book: newBook(customers{run: "run"}, time.Second, time.Now)}
	p.shop = newShop(p.book.customers, Mix{Approved: 1}, 0, 1)
	asked := make(chan struct{}, 100)
	hold := make(chan struct{})
	p.client = &client{base: "http://api", http: &http.Client{Transport: instant{func(*http.Request) {
		asked <- struct{}{}
		<-hold
	}}}}
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		p.place(t.Context(), stop)
	}()
	for range 3 {
		<-asked
	}
	require.Equal(t, 3, p.book.open())
	require.Len(t, slots, 3, "a fourth would need one")
	close(stop)
	close(hold)
	<-done
	require.Zero(t, p.book.open())
	require.Empty(t, slots)
}
