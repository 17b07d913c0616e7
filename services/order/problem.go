package order

import (
	"context"
	"database/sql/driver"
	"errors"
	"net"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
)

// problem is an RFC 9457 problem with two members of our own: a code that
// programs can rely on, and the order's status where that is the problem.
type problem struct {
	huma.ErrorModel
	Code        string `json:"code,omitempty"`
	OrderStatus Status `json:"order_status,omitempty"`
}

// The codes.
const (
	codeUnknownOrder = "unknown_order"
	codeOrderEnded   = "order_ended"
	codeKeyReused    = "idempotency_key_reused"
)

func newProblem(status int, code, detail string) *problem {
	return &problem{
		ErrorModel: huma.ErrorModel{Status: status, Title: http.StatusText(status), Detail: detail},
		Code:       code,
	}
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
	case unavailable(err):
		s.log.WarnContext(ctx, "a request could not be served for now", "error", err)
		return huma.ErrorWithHeaders(
			newProblem(http.StatusServiceUnavailable, "", "the service can't reach its database; try again, with the same Idempotency-Key"),
			http.Header{"Retry-After": {"2"}})
	default:
		s.log.ErrorContext(ctx, "a request failed", "error", err)
		return newProblem(http.StatusInternalServerError, "", "something is wrong in the service; its log says what")
	}
}

// unavailable tells whether an error is one of reaching the database in time.
func unavailable(err error) bool {
	var network net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) ||
		errors.Is(err, driver.ErrBadConn) || errors.As(err, &network)
}

// hideValues keeps what a client sent out of the problem it gets: a value in
// the wrong place may be a payment token, and problems end up in logs.
func hideValues(_ huma.Context, _ string, v any) (any, error) {
	var model *huma.ErrorModel
	switch v := v.(type) {
	case *huma.ErrorModel:
		model = v
	case *problem:
		model = &v.ErrorModel
	default:
		return v, nil
	}
	for _, d := range model.Errors {
		if d != nil {
			d.Value = nil
		}
	}
	return v, nil
}
