package order

import (
	"context"
	"errors"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"github.com/laban-io/laban/internal/database"
)

// problem is an RFC 9457 problem. Its type is about:blank, so its title is that
// of the status; code and order_status are members of our own.
type problem struct {
	Title       string        `json:"title" doc:"What the status means in general"`
	Status      int           `json:"status" doc:"The HTTP status"`
	Detail      string        `json:"detail,omitempty" doc:"What it means here"`
	Code        string        `json:"code,omitempty" enum:"unknown_order,order_ended,idempotency_key_reused" doc:"What programs can rely on, where the status alone does not say it"`
	OrderStatus Status        `json:"order_status,omitempty" enum:"placed,canceling,shipped,rejected,failed,canceled,inconsistent" doc:"With order_ended: how the order stands"`
	Errors      []problemPart `json:"errors,omitempty" doc:"Which parts of the request are wrong"`
}

// problemPart is one thing that is wrong with a request. It does not repeat the
// value: in the wrong place that may be a payment token, and problems end up in
// logs.
type problemPart struct {
	Location string `json:"location,omitempty" example:"body.items[0].quantity"`
	Message  string `json:"message"`
}

var (
	_ huma.StatusError       = (*problem)(nil)
	_ huma.ContentTypeFilter = (*problem)(nil)
)

// Error returns the detail.
func (p *problem) Error() string { return p.Detail }

// GetStatus implements [huma.StatusError].
func (p *problem) GetStatus() int { return p.Status }

// ContentType implements [huma.ContentTypeFilter].
func (p *problem) ContentType(string) string { return problemType }

const problemType = "application/problem+json"

// The codes.
const (
	codeUnknownOrder = "unknown_order"
	codeOrderEnded   = "order_ended"
	codeKeyReused    = "idempotency_key_reused"
)

func newProblem(status int, code, detail string) *problem {
	return &problem{Title: http.StatusText(status), Status: status, Detail: detail, Code: code}
}

// ourProblem turns huma's errors, which are those of requests that it refuses,
// into ours.
func ourProblem(_ huma.Context, _ string, v any) (any, error) {
	theirs, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	p := newProblem(theirs.Status, "", theirs.Detail)
	for _, d := range theirs.Errors {
		if d != nil {
			p.Errors = append(p.Errors, problemPart{Location: d.Location, Message: d.Message})
		}
	}
	return p, nil
}

// describeProblems puts our problem in the place of huma's in the description
// of the API.
func describeProblems(api *huma.OpenAPI) {
	ours := api.Components.Schemas.Schema(reflect.TypeFor[problem](), true, "Problem")
	for _, path := range api.Paths {
		for _, op := range []*huma.Operation{path.Get, path.Post} {
			if op == nil {
				continue
			}
			for _, response := range op.Responses {
				if content := response.Content[problemType]; content != nil {
					content.Schema = ours
				}
			}
		}
	}
	delete(api.Components.Schemas.Map(), "ErrorModel")
	delete(api.Components.Schemas.Map(), "ErrorDetail")
}

// asProblem turns an error into what the client is told. What it is not told is
// in the log.
func (s *service) asProblem(ctx context.Context, err error) error {
	var ended *endedError
	switch {
	case errors.Is(err, errUnknownOrder):
		return newProblem(http.StatusNotFound, codeUnknownOrder, "there is no order with this id")
	case errors.As(err, &ended):
		p := newProblem(http.StatusConflict, codeOrderEnded, "the order can't be canceled: "+ended.Error())
		p.OrderStatus = ended.status
		return p
	case errors.Is(err, errKeyReused):
		return newProblem(http.StatusUnprocessableEntity, codeKeyReused,
			"this Idempotency-Key came before with another request; use a new key for a new order")
	case database.IsUnavailable(err):
		s.log.WarnContext(ctx, "a request could not be served for now", "error", err)
		return huma.ErrorWithHeaders(
			newProblem(http.StatusServiceUnavailable, "", "the service can't reach its database; try again, with the same Idempotency-Key"),
			http.Header{"Retry-After": {"2"}})
	default:
		s.log.ErrorContext(ctx, "a request failed", "error", err)
		return newProblem(http.StatusInternalServerError, "", "something is wrong in the service; its log says what")
	}
}
