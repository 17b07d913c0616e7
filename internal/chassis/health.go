package chassis

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"slices"
	"sync"
)

// The names of what a process checks; they are in /readyz and in log lines.
const (
	checkDatabase = "database"
	checkBroker   = "broker"
	checkService  = "service"
)

// phase is where a process is in its life.
type phase int

const (
	starting phase = iota
	serving
	stopping
)

// String returns the phase as /readyz shows it.
func (p phase) String() string {
	switch p {
	case starting:
		return "starting"
	case serving:
		return "serving"
	case stopping:
		return "stopping"
	default:
		return "unknown"
	}
}

// health knows whether the process is ready, and why not.
type health struct {
	mu     sync.Mutex
	phase  phase
	checks map[string]func(context.Context) error
}

var errNotTried = errors.New("not connected yet")

func newHealth() *health {
	notTried := func(context.Context) error { return errNotTried }
	return &health{checks: map[string]func(context.Context) error{
		checkDatabase: notTried,
		checkBroker:   notTried,
	}}
}

// enter moves the process to a phase and returns the one before. A process is
// ready in none but serving.
func (h *health) enter(p phase) phase {
	h.mu.Lock()
	defer h.mu.Unlock()
	before := h.phase
	h.phase = p
	return before
}

// set makes check decide about name from now on.
func (h *health) set(name string, check func(context.Context) error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.checks[name] = check
}

// waiting keeps why what a name stands for is not there yet.
func (h *health) waiting(name string, why error) {
	h.set(name, func(context.Context) error { return why })
}

// report is what /readyz says.
type report struct {
	Status string            `json:"status"` // ready, or not ready
	Phase  string            `json:"phase"`
	Checks map[string]string `json:"checks"` // "ok", or what is wrong
}

// report runs every check, all at the same time, each for at most pingTimeout.
func (h *health) report(ctx context.Context) (report, bool) {
	ctx, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	h.mu.Lock()
	r := report{Status: "ready", Phase: h.phase.String(), Checks: make(map[string]string, len(h.checks))}
	ready := h.phase == serving
	checks := maps.Clone(h.checks)
	h.mu.Unlock()

	names := slices.Sorted(maps.Keys(checks))
	results := make([]error, len(names))
	var running sync.WaitGroup
	for i, name := range names {
		running.Go(func() { results[i] = checks[name](ctx) })
	}
	running.Wait()
	for i, name := range names {
		r.Checks[name] = "ok"
		if results[i] != nil {
			r.Checks[name] = results[i].Error()
			ready = false
		}
	}
	if !ready {
		r.Status = "not ready"
	}
	return r, ready
}

// serveAlive answers that the process runs, and nothing more: a process that
// waits for its broker is well, and restarting it would help nobody.
func (h *health) serveAlive(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, map[string]string{"status": "alive"})
}

// serveReady answers whether the process does its work, and why not.
func (h *health) serveReady(w http.ResponseWriter, r *http.Request) {
	what, ready := h.report(r.Context())
	status := http.StatusOK
	if !ready {
		status = http.StatusServiceUnavailable
	}
	writeJSON(w, status, what)
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // a caller that left needs no answer
}
