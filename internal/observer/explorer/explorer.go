package explorer

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"html/template"
	"io/fs"
	"log/slog"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/laban-io/laban/internal/ledger"
	"github.com/laban-io/laban/internal/observer"
	"github.com/laban-io/laban/internal/observer/api"
	"github.com/laban-io/laban/pkg/flow"
)

//go:embed templates assets
var files embed.FS

// Reader is what the pages ask a ledger. A [ledger.Reader] is one.
type Reader interface {
	api.Reader
	Counts(ctx context.Context) ([]flow.FlowCount, error)
	Activity(ctx context.Context, choreographies []string, from time.Time, part time.Duration, parts int) (ledger.Activity, error)
	Owed(ctx context.Context, choreography string, services []string) ([]ledger.Owed, error)
	Parked(ctx context.Context, limit int) ([]ledger.ParkedMessage, error)
	Standing(ctx context.Context, choreography string, ids []string) (map[string]flow.Status, error)
	Acted(ctx context.Context, limit int) ([]ledger.Action, error)
	Missed(ctx context.Context) (map[string]bool, error)
}

// Links are templates of addresses, with {trace_id}, {flow_id} and {key} in
// them; empty where there is none.
type Links struct{ Jaeger, Grafana string }

// Config says what the pages show. Reader and Observer are needed.
type Config struct {
	Reader   Reader
	Observer api.Observer
	Links    Links
	// Location is the zone of times. Default UTC.
	Location *time.Location
	// Login tells that a token is set, so that there is a session to leave.
	Login bool
	// Desk, where set, is where parked messages are looked at and dealt with.
	// Without one the page shows what the ledger knows of them.
	Desk Desk
	// Redact leaves out of a payload what nobody is to read; it returns "" where
	// that can't be done. Default: nothing is left out.
	Redact func([]byte) string
	// Log gets what went wrong. Default slog.Default.
	Log *slog.Logger
}

// Explorer is the pages. It is safe for concurrent use.
type Explorer struct {
	cfg      Config
	narrator *api.Narrator
	pages    map[string]*template.Template
	assets   map[string]asset
	summary  kept[summary]
	counter  *counter // nil where there is no desk

	mu      sync.Mutex // guards figures, which are few: by contract in force and time
	figures map[string]*kept[figures]
}

type asset struct {
	body []byte
	kind string
	hash string
}

// New returns the pages.
func New(cfg Config) (*Explorer, error) {
	if cfg.Location == nil {
		cfg.Location = time.UTC
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	if cfg.Redact == nil {
		cfg.Redact = observer.Redactor(nil)
	}
	if cfg.Reader == nil || cfg.Observer == nil {
		return nil, errors.New("the explorer needs a reader of the ledger, and an observer")
	}
	narrator, err := api.NewNarrator(api.Config{Reader: cfg.Reader, Observer: cfg.Observer, Location: cfg.Location, Log: cfg.Log})
	if err != nil {
		return nil, err
	}
	x := &Explorer{cfg: cfg, narrator: narrator, pages: map[string]*template.Template{}, assets: map[string]asset{}, figures: map[string]*kept[figures]{}}
	if err := x.readAssets(); err != nil {
		return nil, err
	}
	if err := x.readTemplates(); err != nil {
		return nil, err
	}
	if cfg.Desk != nil {
		x.counter = newCounter(cfg.Desk, cfg.Reader.Missed, x.queues)
	}
	return x, nil
}

func (x *Explorer) queues() []string {
	status := x.cfg.Observer.Status()
	var all []string
	for i := range status.Services {
		all = append(all, cmp.Or(status.Services[i].Queue, status.Services[i].Name))
	}
	return all
}

// Close ends what is done at the desk, and waits for it. Pages may be asked for
// meanwhile.
func (x *Explorer) Close() {
	if x.counter != nil {
		x.counter.close()
	}
}

func (x *Explorer) readAssets() error {
	entries, err := fs.ReadDir(files, "assets")
	if err != nil {
		return err
	}
	kinds := map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
	for _, e := range entries {
		body, err := files.ReadFile("assets/" + e.Name())
		if err != nil {
			return err
		}
		sum := sha256.Sum256(body)
		x.assets[e.Name()] = asset{body: body, kind: kinds[path.Ext(e.Name())], hash: hex.EncodeToString(sum[:6])}
	}
	return nil
}

func (x *Explorer) readTemplates() error {
	names, err := fs.Glob(files, "templates/*.html")
	if err != nil {
		return err
	}
	for _, name := range names {
		page := strings.TrimSuffix(path.Base(name), ".html")
		if page == "layout" {
			continue
		}
		t, err := template.New("layout.html").Funcs(x.functions()).ParseFS(files, "templates/layout.html", name)
		if err != nil {
			return err
		}
		x.pages[page] = t
	}
	return nil
}

// Mount adds the pages to a mux, and returns their patterns.
func (x *Explorer) Mount(mux *http.ServeMux) []string {
	pages := map[string]func(*http.Request) (*view, error){
		"/{$}": x.flowsPage, "/flows/{id}": x.journeyPage, "/choreographies/{name}": x.choreographyPage,
		"/choreographies": x.choreographiesPage, "/parked": x.parkedPage, "/health": x.healthPage,
		"/parked/preview": x.previewPage, "/parked/jobs/{id}": x.jobPage,
		// Whoever reloads the answer to an order comes here.
		"/parked/act": func(*http.Request) (*view, error) { return &view{Go: "/parked"}, nil },
	}
	patterns := make([]string, 0, len(pages)+1)
	for pattern, page := range pages {
		mux.HandleFunc("GET "+pattern, func(w http.ResponseWriter, r *http.Request) { x.serve(w, r, page) })
		patterns = append(patterns, pattern)
	}
	mux.HandleFunc("GET /assets/{name}", x.serveAsset)
	mux.HandleFunc("POST "+api.FormPath+"act", func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		x.serve(w, r, x.act)
	})
	slices.Sort(patterns)
	return append(patterns, "/assets/{name}")
}

// view is what a page is made of.
type view struct {
	// Page names the template, and Nav the entry of the navigation.
	Page, Nav, Title string
	Body             any
	// Code is the HTTP status, 200 where it is 0. Go leads elsewhere instead.
	Code int
	Go   string
	// Markdown is served instead of a page.
	Markdown string

	// OnTo is where a problem leads, "" being all flows.
	OnTo, OnToText string

	// The rest is filled in by render.
	Blind         string
	Role, Version string
	AsOf          time.Time
	Login, Live   bool
	Search        string
}

func (x *Explorer) serve(w http.ResponseWriter, r *http.Request, page func(*http.Request) (*view, error)) {
	v, err := page(r)
	switch {
	case errors.Is(err, context.Canceled):
		return
	case errors.Is(err, ledger.ErrNotFound):
		v = problem(http.StatusNotFound, "There is no such flow", "There is no flow with this id, or no more: the ledger keeps flows for a while after their end. Search for its key above.")
	case errors.Is(err, ledger.ErrCursor):
		v = problem(http.StatusUnprocessableEntity, "This page of the list is gone", "The address does not say where a list goes on. Begin again at its first page.")
	case err != nil:
		x.cfg.Log.ErrorContext(r.Context(), "a page failed", "path", r.URL.Path, "error", err)
		v = problem(http.StatusServiceUnavailable, "The ledger does not answer", "Try again; the observer's log says why.")
	}
	x.render(w, r, v)
}

func problem(code int, title, text string) *view {
	return &view{Page: "problem", Title: title, Code: code, Body: text}
}

// policy lets a page load what this origin serves, and nothing else.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

func (x *Explorer) render(w http.ResponseWriter, r *http.Request, v *view) {
	h := w.Header()
	if v.Go != "" {
		http.Redirect(w, r, v.Go, http.StatusSeeOther)
		return
	}
	if v.Markdown != "" {
		h.Set("Content-Type", "text/markdown; charset=utf-8")
		h.Set("Content-Security-Policy", "default-src 'none'")
		_, _ = w.Write([]byte(v.Markdown)) // a caller that left needs no answer
		return
	}
	status := x.cfg.Observer.Status()
	v.Role, v.Version, v.AsOf, v.Login = string(status.Role), status.Version, status.Log.Time, x.cfg.Login
	if status.Role == observer.Active && status.Blind != observer.NotBlind {
		v.Blind = string(status.Blind)
		if status.BlindDetail != "" {
			v.Blind += ": " + status.BlindDetail
		}
	}
	v.Search = r.URL.Query().Get("q")
	x.write(w, v)
}

func (x *Explorer) write(w http.ResponseWriter, v *view) {
	var out bytes.Buffer
	if err := x.pages[v.Page].Execute(&out, v); err != nil {
		x.cfg.Log.Error("a page could not be made", "page", v.Page, "error", err)
		http.Error(w, "this page could not be made; the observer's log says why", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", policy)
	h.Set("Content-Length", strconv.Itoa(out.Len()))
	if v.Code != 0 {
		w.WriteHeader(v.Code)
	}
	_, _ = w.Write(out.Bytes()) // a caller that left needs no answer
}

// Login asks for the token.
func (x *Explorer) Login(w http.ResponseWriter, _ *http.Request, next string, why api.Login) {
	v := &view{Page: "login", Nav: "login", Title: "Log in", Code: http.StatusUnauthorized}
	problem := ""
	switch why {
	case api.Wrong:
		problem = "That is not this observer’s token."
	case api.TooOften:
		v.Code, problem = http.StatusTooManyRequests, "Too many wrong tokens came from your address. Wait a minute, then try again."
	default:
	}
	v.Body = struct{ Next, Problem string }{next, problem}
	x.write(w, v)
}

func (x *Explorer) serveAsset(w http.ResponseWriter, r *http.Request) {
	a, ok := x.assets[r.PathValue("name")]
	if !ok {
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	h.Set("Content-Type", a.kind)
	if r.URL.Query().Get("v") == a.hash {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	_, _ = w.Write(a.body) // a caller that left needs no answer
}
