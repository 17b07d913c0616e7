package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/laban-io/laban/internal/ledger"
)

const problemType = "application/problem+json"

// writeProblem answers with a problem (RFC 9457).
func writeProblem(w http.ResponseWriter, status int, detail string) {
	body, err := json.Marshal(&huma.ErrorModel{Title: http.StatusText(status), Status: status, Detail: detail})
	if err != nil {
		body = nil // two texts and a number always become JSON
	}
	w.Header().Set("Content-Type", problemType)
	w.WriteHeader(status)
	_, _ = w.Write(body) // a caller that left needs no answer
}

// asProblem turns an error into what the client is told. What it is not told is
// in the log.
func (a *API) asProblem(ctx context.Context, err error) error {
	switch {
	case errors.Is(err, ledger.ErrNotFound):
		return huma.Error404NotFound("there is no flow with this id, or no more: GET /api/v1/where?key= finds one by its key")
	case errors.Is(err, ledger.ErrCursor):
		return huma.Error422UnprocessableEntity("cursor is not what a list returned as next: begin again without one")
	case errors.Is(err, context.Canceled):
		return huma.NewError(499, "the client has left")
	default:
		a.cfg.Log.ErrorContext(ctx, "a request failed", "error", err)
		return huma.Error503ServiceUnavailable("the ledger does not answer; try again, and see the observer's log for why")
	}
}
