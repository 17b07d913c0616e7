package chassis

import (
	"encoding/json"
	"errors"
	"net/http"
	"runtime/debug"
)

// WriteProblem answers with a problem of RFC 9457: type about:blank, the
// status's own title, and a sentence on what it means here.
func WriteProblem(w http.ResponseWriter, status int, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(struct {
		Title  string `json:"title"`
		Status int    `json:"status"`
		Detail string `json:"detail,omitempty"`
	}{http.StatusText(status), status, detail}) // a caller that left needs no answer
}

// recoverPanics turns a panic of a handler into a 500 where nothing has been
// answered yet, and into a log line in any case.
func (p *process) recoverPanics(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := &answered{ResponseWriter: w}
		defer func() {
			v := recover()
			if v == nil {
				return
			}
			if err, ok := v.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(v) //nolint:forbidigo // it is net/http's own way to cut a connection
			}
			p.log.ErrorContext(r.Context(), "a request's handler panicked", "method", r.Method, "route", r.Pattern, "panic", v, "stack", string(debug.Stack()))
			if answer.begun {
				panic(http.ErrAbortHandler) //nolint:forbidigo // half an answer must not look whole, and this is how net/http is told
			}
			WriteProblem(w, http.StatusInternalServerError, "something is wrong in the service; its log says what")
		}()
		next.ServeHTTP(answer, r)
	})
}

// answered notes whether an answer has begun.
type answered struct {
	http.ResponseWriter
	begun bool
}

// WriteHeader implements [http.ResponseWriter].
func (a *answered) WriteHeader(status int) {
	a.begun = true
	a.ResponseWriter.WriteHeader(status)
}

// Write implements [http.ResponseWriter].
func (a *answered) Write(b []byte) (int, error) {
	a.begun = true
	return a.ResponseWriter.Write(b)
}

// Unwrap lets [http.ResponseController] reach what is inside.
func (a *answered) Unwrap() http.ResponseWriter { return a.ResponseWriter }
