package explorer_test

import (
	"context"
	"errors"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/demo"
)

// said is what a demo has printed. It is safe for concurrent use.
type said struct {
	mu   sync.Mutex
	text strings.Builder
}

func (s *said) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// startDemo runs a demo in which two payments are parked, with deadlines that one
// need not wait for long, and returns where its pages are. What the demo says of
// itself in the end is the matter of its own tests.
func startDemo(t *testing.T) (address string) {
	t.Helper()
	faults, err := demo.ParseFaults("park=payment@0s*2")
	require.NoError(t, err)
	out, stop, think, rate := &said{}, make(chan struct{}), time.Millisecond, 2.0
	ended := make(chan error, 1)
	go func() {
		_, err := demo.Run(context.WithoutCancel(t.Context()), stop, demo.Config{
			Rate: &rate, Think: &think, Faults: faults, Gentle: true, Hurry: 2, Seed: 1, ObserverListen: "127.0.0.1:0", Out: out,
			Mix: demo.Mix{demo.Approved: 1},
		})
		ended <- err
	}()
	t.Cleanup(func() {
		close(stop)
		if err := <-ended; !errors.Is(err, demo.ErrFailed) {
			require.NoError(t, err)
		}
	})
	pages := regexp.MustCompile(`observer +(http://\S+)`)
	require.Eventually(t, func() bool {
		found := pages.FindStringSubmatch(out.String())
		if found != nil {
			address = found[1]
		}
		return found != nil
	}, patience, 5*time.Millisecond, "%s", out)
	return address
}

// TestADemoInABrowser does what a new user would: find an order that is stuck,
// read whose turn it is and why, and send its message again. On the way each
// page has to fit and to be readable for all.
func TestADemoInABrowser(t *testing.T) {
	b := browse(t, func() string { return startDemo(t) })
	axe, err := os.ReadFile("testdata/axe/axe.min.js")
	require.NoError(t, err)
	readable := func(where string) {
		t.Helper()
		require.LessOrEqual(t, ask[int](t, b, "document.documentElement.scrollWidth - document.documentElement.clientWidth"), 0, where)
		ask[any](t, b, string(axe)+";0")
		require.Empty(t, ask[[]string](t, b, axeRun, chromedp.EvalAwaitPromise), where)
		b.clean(t, where)
	}
	click := func(what string) {
		t.Helper()
		b.eventually(t, `document.querySelector("`+what+`")`, what)
		ask[any](t, b, `document.querySelector("`+what+`").click()`)
	}
	b.show(t, "/", "light", 1280)
	b.eventually(t, `Number(document.querySelector(".count.stalled strong")?.textContent) >= 2`, "orders are stuck")
	readable("flows")
	click(".count.stalled")
	b.eventually(t, `[...document.querySelectorAll("#flows .cause")].some(c => c.textContent === "parked")`, "whose turn it is, and why, is in the list")
	click("#flows tr:has(.cause[title='the service gave up and parked the message']) a.open")
	b.eventually(t, `document.querySelector(".sentence.stalled")?.textContent.includes("waits for payment to emit payment.confirmed or payment.rejected")`, "one sentence says it")
	b.eventually(t, `document.querySelector(".missing a.primary")`, "what to do is there")
	readable("journey")
	click(".missing a.primary")
	b.eventually(t, `document.querySelector("form.order")?.textContent.includes("still waits for it")`, "what it would do")
	readable("preview")
	click("form.order button.primary")
	b.eventually(t, `document.querySelector("#job h1")?.textContent === "1 message was sent again"`, "what was done")
	readable("job")
	click("#job a.open")
	b.eventually(t, `document.querySelector(".sentence.completed")`, "the order goes on, and ends")
	require.Contains(t, ask[string](t, b, `document.getElementById("journey").textContent`), "redriven", "and says that somebody had a hand in it")
	for _, path := range []string{"/parked", "/choreographies", "/choreographies/order", "/health", "/?status=completed"} {
		b.show(t, path, "dark", 390)
		readable(path)
	}
	b.show(t, "/parked", "dark", 390)
	require.Equal(t, 1, ask[int](t, b, `document.querySelectorAll("#parked tbody tr input[name=m]").length`), "the other one waits")
	require.Contains(t, ask[string](t, b, `document.getElementById("acted").textContent`), "sent again")

	// Without a script it is the same.
	b.scripts(t, false)
	b.show(t, "/parked", "light", 390)
	click("button[value=redrive]")
	b.eventually(t, `document.querySelector("form.order")`, "the preview")
	click("form.order button.primary")
	b.eventually(t, `document.querySelector("#job h1")?.textContent === "1 message was sent again"`, "what was done")
	b.show(t, "/parked", "light", 390)
	require.Contains(t, ask[string](t, b, `document.getElementById("parked").textContent`), "No message is parked")
}
