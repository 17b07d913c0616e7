package api

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/laban-io/laban/internal/ledger"
	"github.com/laban-io/laban/internal/observer"
)

type statusOutput struct{ Body observer.Status }

func (a *API) getStatus(context.Context, *struct{}) (*statusOutput, error) {
	return &statusOutput{Body: a.cfg.Observer.Status()}, nil
}

// alive answers as long as the process does.
func alive(w http.ResponseWriter, _ *http.Request) {
	writeHealth(w, http.StatusOK, "alive")
}

// ready answers whether what the API says is worth anything, and if not, why.
func (a *API) ready(w http.ResponseWriter, r *http.Request) {
	var why []string
	s := a.cfg.Observer.Status()
	switch s.Role {
	case observer.Active:
		switch {
		case s.Blind == observer.Unreachable || s.Blind == observer.Down || s.Blind == observer.Lagging:
			why = append(why, strings.TrimSuffix("blind, "+string(s.Blind)+": "+s.BlindDetail, ": "))
		case s.Log.Time.IsZero():
			why = append(why, "nothing has been read from the log yet")
		}
	case observer.Standby:
	default:
		why = append(why, "the observer is "+string(s.Role))
	}
	if _, _, err := a.cfg.Reader.Flows(r.Context(), ledger.Filter{Limit: 1}); err != nil {
		a.cfg.Log.WarnContext(r.Context(), "the ledger does not answer", "error", err)
		why = append(why, "the ledger does not answer")
	}
	if len(why) > 0 {
		writeHealth(w, http.StatusServiceUnavailable, "not ready", why...)
		return
	}
	writeHealth(w, http.StatusOK, "ready")
}

func writeHealth(w http.ResponseWriter, code int, status string, why ...string) {
	body, err := json.Marshal(struct {
		Status string   `json:"status"`
		Why    []string `json:"why,omitempty"`
	}{status, why})
	if err != nil {
		body = nil // texts always become JSON
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_, _ = w.Write(body) // a caller that left needs no answer
}
