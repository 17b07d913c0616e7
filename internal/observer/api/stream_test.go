package api_test

import (
	"bufio"
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/observer/api"
)

// served is an API behind a real listener.
type served struct {
	*world
	api  *api.API
	base string
	end  func()
}

func serveHTTP(t *testing.T, w *world, change ...func(*api.Config)) *served {
	t.Helper()
	a := w.serve(change...)
	l, err := api.Listen(t.Context(), "127.0.0.1:0", "")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.Serve(ctx, l) }()
	s := &served{world: w, api: a, base: "http://" + l.Addr().String()}
	ended := false
	s.end = func() {
		if ended {
			return
		}
		ended = true
		cancel()
		require.NoError(t, <-done)
	}
	t.Cleanup(func() { s.end(); http.DefaultClient.CloseIdleConnections() })
	return s
}

// follow opens a stream of events, which is read line by line.
func (s *served) follow(query string) (next func() string, hangUp func()) {
	s.t.Helper()
	before := s.Following()
	r, err := http.NewRequest(http.MethodGet, s.base+"/api/v1/events"+query, http.NoBody)
	require.NoError(s.t, err)
	answer, err := http.DefaultClient.Do(r)
	require.NoError(s.t, err)
	s.t.Cleanup(func() { answer.Body.Close() })
	require.Equal(s.t, "text/event-stream", answer.Header.Get("Content-Type"))
	require.Equal(s.t, before+1, s.Following())
	lines := bufio.NewScanner(answer.Body)
	return func() string {
		for lines.Scan() {
			if line := lines.Text(); line != "" {
				return line
			}
		}
		return "the end"
	}, func() { answer.Body.Close() }
}

func TestChangesAreToldAsTheyHappen(t *testing.T) {
	w := newWorld(t)
	s := serveHTTP(t, w, func(c *api.Config) { c.Heartbeat = time.Hour })
	next, _ := s.follow("?key=1042&kind=started,changed&choreography=order")
	require.Equal(t, ": the changes of flows from now on", next())
	w.Chain("1041", "order.placed")
	w.Chain("1042", "order.placed", "stock.rejected")
	var lines []string
	for range 9 {
		lines = append(lines, next())
	}
	golden(t, "testdata/events.txt", []byte(strings.Join(lines, "\n")+"\n"))

	s.end()
	require.Equal(t, []string{"event: bye", `data: {"reason":"the observer stops; call again for its successor"}`, "the end"}, []string{next(), next(), next()})
}

func TestAClientThatIsTooSlowIsToldSo(t *testing.T) {
	w := newWorld(t)
	s := serveHTTP(t, w)
	w.Flood()
	next, _ := s.follow("?choreography=order")
	w.Cut()
	require.Equal(t, []string{
		": the changes of flows from now on", "event: cut-off",
		`data: {"reason":"you read too slowly and have missed changes; call again, and ask for less by choreography, key or kind"}`, "the end",
	}, []string{next(), next(), next(), next()})
}

func TestAnObserverThatStopsIsNoReproach(t *testing.T) {
	w := newWorld(t)
	s := serveHTTP(t, w)
	next, _ := s.follow("")
	w.Cut()
	require.Equal(t, []string{": the changes of flows from now on", "event: bye"}, []string{next(), next()})
}

func TestAStreamShowsThatItLives(t *testing.T) {
	s := serveHTTP(t, newWorld(t), func(c *api.Config) { c.Heartbeat = time.Millisecond })
	next, hangUp := s.follow("")
	require.Equal(t, []string{": the changes of flows from now on", ": heartbeat", ": heartbeat"}, []string{next(), next(), next()})
	hangUp()
	require.Eventually(t, func() bool { return s.Following() == 0 }, 10*time.Second, time.Millisecond, "a client that left is let go")
}

func TestOnlySoManyFollow(t *testing.T) {
	s := serveHTTP(t, newWorld(t))
	var first func()
	for n := range 64 {
		_, hangUp := s.follow("")
		if n == 0 {
			first = hangUp
		}
	}
	refused := func() int {
		answer, err := http.Get(s.base + "/api/v1/events")
		require.NoError(t, err)
		defer answer.Body.Close()
		return answer.StatusCode
	}
	require.Equal(t, 503, refused())
	first()
	require.Eventually(t, func() bool { return refused() == 200 }, 10*time.Second, 10*time.Millisecond)
	answer := get(t, s.api, "/api/v1/events?kind=nonsense")
	require.Equal(t, 422, answer.Code)
}
