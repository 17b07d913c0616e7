package api

import (
	"context"
	"strings"
	"unicode"

	"github.com/danielgtaylor/huma/v2"

	"github.com/laban-io/laban/internal/observer"
)

type closeInput struct {
	FlowParams
	Body CloseRequest
}

// CloseRequest says why a flow is over.
type CloseRequest struct {
	Reason string `json:"reason" minLength:"1" maxLength:"500" doc:"Why, for those who read the log later" example:"refunded by hand, ticket 4711"`
	By     string `json:"by,omitempty" maxLength:"100" doc:"Who says so" example:"ann"`
}

// Closing is the closing that was written into the log.
type Closing struct {
	ID           string `json:"id"`
	Choreography string `json:"choreography"`
	Key          string `json:"key"`
	Reason       string `json:"reason"`
	By           string `json:"by,omitempty"`
}

type closeOutput struct{ Body Closing }

func (a *API) closeFlow(ctx context.Context, in *closeInput) (*closeOutput, error) {
	reason, by := Plain(strings.TrimSpace(in.Body.Reason)), Plain(strings.TrimSpace(in.Body.By))
	if reason == "" {
		return nil, huma.Error422UnprocessableEntity("reason: say why the flow is over, for those who read the log later")
	}
	d, err := a.cfg.Reader.Flow(ctx, in.Choreography, in.ID)
	if err != nil {
		return nil, a.asProblem(ctx, err)
	}
	if ended(d.Status) {
		return nil, huma.Error409Conflict("the flow has ended: it is " + d.Status.String())
	}
	if role := a.cfg.Observer.Status().Role; role != observer.Active {
		return nil, huma.Error503ServiceUnavailable("this observer is " + string(role) + " and writes nothing: ask the active one")
	}
	if err := a.cfg.Observer.CloseFlow(ctx, d.Choreography, d.ID, reason, by); err != nil {
		a.cfg.Log.ErrorContext(ctx, "a closing could not be written into the log", "error", err, "choreography", d.Choreography, "flow", d.ID)
		return nil, huma.Error503ServiceUnavailable("the closing could not be written into the log, or nobody knows whether it was: look at the flow, and try again; GET /api/v1/status says how the observer fares")
	}
	a.cfg.Log.InfoContext(ctx, "a flow was closed by hand", "choreography", d.Choreography, "flow", d.ID, "key", d.Key, "reason", reason, "by", by)
	return &closeOutput{Body: Closing{ID: d.ID, Choreography: d.Choreography, Key: d.Key, Reason: reason, By: by}}, nil
}

// Plain replaces what is not meant to be seen, so that no text of a message can
// steer a terminal or fake a line.
func Plain(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029' {
			return '\uFFFD'
		}
		return r
	}, text)
}
