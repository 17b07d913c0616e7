package explorer_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

const patience = 30 * time.Second

// tab is a tab of a headless Chromium, which notes what a page may not do.
type tab struct {
	ctx    context.Context //nolint:containedctx // the browser is found by it
	origin string

	mu       sync.Mutex
	problems []string
}

// open starts a browser and the pages of w.
func open(t *testing.T, w *world) *tab {
	t.Helper()
	return browse(t, func() string {
		server := httptest.NewServer(w.handler)
		t.Cleanup(server.Close)
		return server.URL
	})
}

// browse starts a browser, and what it is to look at, which ends after it.
func browse(t *testing.T, serve func() (address string)) *tab {
	t.Helper()
	if testing.Short() {
		t.Skip("it needs a browser")
	}
	program, err := exec.LookPath("chromium")
	require.NoError(t, err, "the pages are tried in Chromium: apt-get install chromium, or make deps")
	address := serve()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(program), chromedp.NoSandbox)
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, cancel := chromedp.NewContext(allocator)
	b := &tab{ctx: ctx, origin: address}
	t.Cleanup(func() {
		// Ends the browser and waits for it, so that streams end before the server.
		_ = chromedp.Cancel(ctx) // one that is gone already is as good
		cancel()
		stop()
	})
	require.NoError(t, chromedp.Listen(ctx, b.note))
	_, err = chromedp.Call(ctx, log.Enable, cdp.Empty{})
	require.NoError(t, err)
	_, err = chromedp.Call(ctx, network.Enable, network.EnableParams{})
	require.NoError(t, err)
	return b
}

func (b *tab) note(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		if u := e.Request.URL; !strings.HasPrefix(u, b.origin+"/") && !strings.HasPrefix(u, "data:") {
			b.problems = append(b.problems, "a request left the origin: "+u)
		}
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError || e.Entry.Level == log.EntryLevelWarning {
			b.problems = append(b.problems, "the console says: "+e.Entry.Text)
		}
	case *runtime.EventExceptionThrown:
		b.problems = append(b.problems, "a script failed: "+e.ExceptionDetails.Text)
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError {
			b.problems = append(b.problems, "a script says an error")
		}
	}
}

func (b *tab) clean(t *testing.T, path string) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	require.Empty(t, b.problems, path)
}

// show opens a page in a window of a width.
func (b *tab) show(t *testing.T, path, theme string, width int64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	require.NoError(t, chromedp.Do(ctx, chromedp.EmulateViewport(width, 844)))
	_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: theme}}})
	require.NoError(t, err)
	require.NoError(t, chromedp.Do(ctx, chromedp.Navigate(b.origin+path)))
}

func ask[T any](t *testing.T, b *tab, expression string, options ...chromedp.EvaluateOption) T {
	t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, options...))
	require.NoError(t, err, expression)
	return value
}

func (b *tab) press(t *testing.T, keys string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	require.NoError(t, chromedp.Do(ctx, chromedp.KeyEvent(keys)))
}

// scripts lets pages run scripts, or not.
func (b *tab) scripts(t *testing.T, on bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	_, err := chromedp.Call(ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !on})
	require.NoError(t, err)
}

// eventually waits for a condition of the page.
func (b *tab) eventually(t *testing.T, condition, why string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	require.Eventually(t, func() bool {
		// While one page gives way to the next there is nothing to ask.
		met, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("!!("+condition+")"))
		return err == nil && met
	}, patience, 50*time.Millisecond, why)
}

// axeRun has axe look for what is not to WCAG 2.2 AA.
const axeRun = `axe.run(document, {runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}).then(r => r.violations.flatMap(v => v.nodes.map(n => v.id + ": " + n.html.slice(0, 160) + " " + n.failureSummary)))`

// TestEveryPageInABrowser holds pages to fit their window, to keep to their
// origin and their policy, and to what axe-core finds of WCAG 2.2 AA.
func TestEveryPageInABrowser(t *testing.T) {
	w := newWorld(t, true, "")
	w.story()
	b := open(t, w)
	axe, err := os.ReadFile("testdata/axe/axe.min.js")
	require.NoError(t, err)
	paths := append(addresses(), "/flows/none")
	for i, path := range paths {
		for k, width := range []int64{1280, 768, 390} {
			theme := []string{"light", "dark"}[(i+k)%2]
			if width == 1280 || width == 390 {
				theme = map[int64]string{1280: "light", 390: "dark"}[width]
			}
			where := fmt.Sprintf("%s at %d px, %s", path, width, theme)
			b.show(t, path, theme, width)
			require.LessOrEqual(t, ask[int](t, b, "document.documentElement.scrollWidth - document.documentElement.clientWidth"), 0, where)
			dark := ask[string](t, b, "getComputedStyle(document.body).backgroundColor") == "rgb(16, 20, 26)"
			require.Equal(t, theme == "dark", dark, where)
			if width == 768 {
				continue
			}
			ask[any](t, b, string(axe)+";0")
			found := ask[[]string](t, b, axeRun, chromedp.EvalAwaitPromise)
			require.Empty(t, found, where)
		}
		if path != "/flows/none" { // whose status the console tells
			b.clean(t, path)
		}
	}
}

// TestLiveInABrowser: what changes is shown without a row moving.
func TestLiveInABrowser(t *testing.T) {
	w := newWorld(t, true, "")
	w.story()
	b := open(t, w)
	b.show(t, "/", "light", 1280)
	b.eventually(t, `document.getElementById("live").textContent === "live"`, "it follows the events")
	first := ask[string](t, b, `document.querySelector("#flows tbody tr").id`)
	w.Advance(time.Second)
	w.Chain("77", "order.placed")
	w.Commit()
	w.Event("77", "stock.confirmed", "")
	b.eventually(t, `document.querySelector("#news a").textContent === "1 new"`, "a quiet word of what is new")
	require.Equal(t, first, ask[string](t, b, `document.querySelector("#flows tbody tr").id`), "no row moves")
	b.eventually(t, `document.getElementById("total").textContent === "5 known"`, "the counts go on")

	w.Commit()
	b.show(t, "/flows/F4", "light", 1280)
	b.eventually(t, `document.getElementById("live").textContent === "live"`, "it follows the events")
	require.Equal(t, 1, ask[int](t, b, `document.querySelectorAll("#timeline tbody tr").length`))
	r := w.Chain("4", "stock.confirmed")
	w.Commit()
	w.Event("4", "payment.confirmed", r)
	b.eventually(t, `document.querySelectorAll("#timeline tbody tr").length === 2`, "the journey goes on")
	b.clean(t, "live")
}

// TestKeysInABrowser tries the keys and the theme.
func TestKeysInABrowser(t *testing.T) {
	w := newWorld(t, true, "")
	w.story()
	b := open(t, w)
	b.show(t, "/", "light", 1280)
	b.press(t, "/")
	require.Equal(t, "q", ask[string](t, b, "document.activeElement.id"))
	b.press(t, "jk?t")
	require.Contains(t, ask[string](t, b, `document.getElementById("q").value`), "jk?t", "keys in a field are text")
	require.False(t, ask[bool](t, b, `document.getElementById("help").open`))
	ask[any](t, b, "document.activeElement.blur()")
	row := `[...document.querySelectorAll("#flows tbody tr")].findIndex(r => r.classList.contains("here"))`
	b.press(t, "jj")
	require.Equal(t, 1, ask[int](t, b, row))
	b.press(t, "k")
	require.Equal(t, 0, ask[int](t, b, row))
	b.press(t, "?")
	require.True(t, ask[bool](t, b, `document.getElementById("help").open`))
	ask[any](t, b, `document.getElementById("help").close()`)
	b.press(t, "tt")
	require.Equal(t, "dark", ask[string](t, b, "document.documentElement.dataset.theme"))
	b.show(t, "/health", "light", 1280)
	require.Equal(t, "dark", ask[string](t, b, "document.documentElement.dataset.theme"), "the next page keeps it")
	b.press(t, "gf")
	b.eventually(t, `location.pathname === "/" && document.body?.dataset.page === "flows"`, "g f leads to the flows")
	b.clean(t, "keys")
}

// TestHostileTextInABrowser has text that would do something if it were markup.
func TestHostileTextInABrowser(t *testing.T) {
	w := newWorld(t, true, "")
	const evil = `"><img src=https://elsewhere.example/x onerror=alert(1)><script>alert(1)</script>`
	w.Event(evil, "order.placed", "")
	w.Pulse(time.Minute)
	w.Commit()
	b := open(t, w)
	for _, path := range []string{"/", "/parked", "/flows/" + strings.NewReplacer("%", "%25", `"`, "%22", "<", "%3C", ">", "%3E", " ", "%20", "/", "%2F").Replace("F"+evil)} {
		b.show(t, path, "light", 390)
		require.Equal(t, 0, ask[int](t, b, `document.querySelectorAll("img, script:not([src^='/assets/'])").length`))
		require.LessOrEqual(t, ask[int](t, b, "document.documentElement.scrollWidth - document.documentElement.clientWidth"), 0, path)
	}
	require.Contains(t, ask[string](t, b, "document.querySelector('h1').textContent"), "order ")
	b.clean(t, "hostile")
}
