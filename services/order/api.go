package order

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/laban-io/laban/internal/chassis"
	"github.com/laban-io/laban/pkg/tracing"
)

// maxBody is the largest request that is read.
const maxBody = 64 << 10

// newAPI returns the HTTP API, which describes itself at /openapi.json.
func newAPI(s *service, version string) (http.Handler, error) {
	mux := http.NewServeMux()
	cfg := huma.DefaultConfig("Orders", version)
	cfg.Info.Description = "Takes orders and tells what became of each."
	cfg.CreateHooks = nil // no $schema members in answers
	cfg.DocsPath = ""     // its pages would load scripts from elsewhere
	cfg.SchemasPath = ""
	cfg.OpenAPIPath = "" // served below, made once
	cfg.RejectUnknownQueryParameters = true
	cfg.Transformers = []huma.Transformer{ourProblem}
	api := humago.New(mux, cfg)

	huma.Register(api, huma.Operation{
		OperationID: "place-order", Method: http.MethodPost, Path: "/orders", DefaultStatus: http.StatusCreated,
		Summary:      "Place an order",
		Description:  "The answer comes when the order is stored; what becomes of it is decided by other services and shows in its status.",
		MaxBodyBytes: maxBody,
		Errors:       []int{http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity, http.StatusServiceUnavailable},
	}, s.handlePlace)
	huma.Register(api, huma.Operation{
		OperationID: "get-order", Method: http.MethodGet, Path: "/orders/{id}",
		Summary: "One order, with its history",
		Errors:  []int{http.StatusNotFound, http.StatusUnprocessableEntity, http.StatusServiceUnavailable},
	}, s.handleGet)
	huma.Register(api, huma.Operation{
		OperationID: "list-orders", Method: http.MethodGet, Path: "/orders",
		Summary:     "Orders, the newest first",
		Description: "A page at a time: ask for the next one with after=<next>, or follow the Link header. Orders that are placed meanwhile neither repeat nor hide any.",
		Errors:      []int{http.StatusUnprocessableEntity, http.StatusServiceUnavailable},
	}, s.handleList)
	huma.Register(api, huma.Operation{
		OperationID: "cancel-order", Method: http.MethodPost, Path: "/orders/{id}/cancel", DefaultStatus: http.StatusAccepted,
		Summary:      "Ask for an order to be canceled",
		Description:  "Delivery decides; the outcome shows in the order. Asking again while that is pending gives the same answer. An order that has ended, or whose parcel is on its way out, is a 409 that names its status.",
		MaxBodyBytes: maxBody,
		Errors:       []int{http.StatusNotFound, http.StatusConflict, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity, http.StatusServiceUnavailable},
	}, s.handleCancel)

	describeProblems(api.OpenAPI())
	spec, err := json.Marshal(api.OpenAPI())
	if err != nil {
		return nil, fmt.Errorf("describe the API: %w", err)
	}
	mux.HandleFunc("GET /openapi.json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/openapi+json")
		_, _ = w.Write(spec) // a caller that left needs no answer
	})
	refuseTheRest(mux)
	return mux, nil
}

// refuseTheRest answers other methods and paths with problems.
func refuseTheRest(mux *http.ServeMux) {
	for path, allowed := range map[string]string{
		"/orders": "GET, POST", "/orders/{id}": "GET", "/orders/{id}/cancel": "POST", "/openapi.json": "GET",
	} {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Allow", allowed)
			chassis.WriteProblem(w, http.StatusMethodNotAllowed, "allowed here: "+allowed)
		})
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		chassis.WriteProblem(w, http.StatusNotFound, "there is nothing here; /openapi.json describes what there is")
	})
}

// IDParam is the id in a path. It is exported because huma looks no deeper.
type IDParam struct {
	ID string `path:"id" pattern:"^[0-9A-HJKMNP-TV-Z]{26}$" patternDescription:"a ULID" doc:"The order's id"`
}

type placeInput struct {
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"255" pattern:"^[!-~]*$" patternDescription:"printable ASCII without spaces" doc:"Any text that is unique to this order, such as a UUID. The same key with the same request gives the first answer again, with Idempotent-Replayed: true; with another request it is a 422"`
	Body           Place
}

type placeOutput struct {
	Location string `header:"Location" doc:"Where the order is"`
	Replayed string `header:"Idempotent-Replayed" doc:"true where this answers a request that was answered before"`
	Body     Order
}

func (s *service) handlePlace(ctx context.Context, in *placeInput) (*placeOutput, error) {
	result, err := s.place(ctx, in.Body, in.IdempotencyKey)
	if err != nil {
		return nil, s.asProblem(ctx, err)
	}
	out := &placeOutput{Location: "/orders/" + result.order.ID, Body: result.order}
	if result.replayed {
		out.Replayed = "true"
		tracing.LinkFlow(ctx, result.flow, spanOrderID)
	} else {
		tracing.MarkFlow(ctx, result.flow)
	}
	return out, nil
}

type orderOutput struct{ Body Order }

func (s *service) handleGet(ctx context.Context, in *IDParam) (*orderOutput, error) {
	o, err := s.order(ctx, in.ID)
	if err != nil {
		return nil, s.asProblem(ctx, err)
	}
	return &orderOutput{Body: o}, nil
}

type listInput struct {
	Status        string `query:"status" enum:"placed,canceling,shipped,rejected,failed,canceled,inconsistent" doc:"Only orders with this status"`
	CustomerEmail string `query:"customer_email" maxLength:"254" doc:"Only this customer's orders; letter case makes no difference"`
	Limit         int    `query:"limit" minimum:"1" maximum:"100" default:"20" doc:"How many orders a page has"`
	After         string `query:"after" pattern:"^([0-9A-HJKMNP-TV-Z]{26})?$" patternDescription:"what next was" doc:"The next of the page before"`
}

type listOutput struct {
	Link string `header:"Link" doc:"The next page, rel=next, if there is one (RFC 8288)"`
	Body struct {
		Orders []Summary `json:"orders"`
		Next   string    `json:"next,omitempty" doc:"Give it as after to get the next page; absent on the last one"`
	}
}

func (s *service) handleList(ctx context.Context, in *listInput) (*listOutput, error) {
	// One more than asked for tells whether there is a next page.
	rows, err := page(ctx, s.db, filter{Status(in.Status), in.CustomerEmail}, in.After, in.Limit+1)
	if err != nil {
		return nil, s.asProblem(ctx, err)
	}
	out := &listOutput{}
	out.Body.Orders = make([]Summary, 0, len(rows))
	for i, r := range rows {
		if i == in.Limit {
			out.Body.Next = rows[i-1].id
			out.Link = "<" + in.next(out.Body.Next) + `>; rel="next"`
			break
		}
		out.Body.Orders = append(out.Body.Orders, summaryFrom(r))
	}
	return out, nil
}

// next is the address of the page after the order with the id after.
func (in *listInput) next(after string) string {
	q := url.Values{"after": {after}, "limit": {strconv.Itoa(in.Limit)}}
	if in.Status != "" {
		q.Set("status", in.Status)
	}
	if in.CustomerEmail != "" {
		q.Set("customer_email", in.CustomerEmail)
	}
	return "/orders?" + q.Encode()
}

type cancelInput struct {
	IDParam
	Body *cancelBody
}

type cancelBody struct {
	Reason string `json:"reason,omitempty" maxLength:"200" doc:"Why, for the people who read it" example:"ordered twice"`
}

type cancelOutput struct{ Body CancelAnswer }

// CancelAnswer says that a request to cancel is pending.
type CancelAnswer struct {
	OrderID     string      `json:"order_id"`
	State       CancelState `json:"state" enum:"requested"`
	Reason      string      `json:"reason,omitempty" doc:"As given with the first request"`
	RequestedAt time.Time   `json:"requested_at" doc:"When it was asked for first"`
}

func (s *service) handleCancel(ctx context.Context, in *cancelInput) (*cancelOutput, error) {
	reason := ""
	if in.Body != nil {
		reason = strings.TrimSpace(clean(in.Body.Reason))
	}
	request, flow, err := s.cancel(ctx, in.ID, reason)
	if flow.ID != "" {
		tracing.LinkFlow(ctx, flow, spanOrderID)
	}
	if err != nil {
		return nil, s.asProblem(ctx, err)
	}
	return &cancelOutput{Body: CancelAnswer{
		OrderID: in.ID, State: CancelRequested, Reason: request.reason, RequestedAt: request.requested,
	}}, nil
}

// spanOrderID is the attribute by which the span of a later request names its
// order.
const spanOrderID = "order.id"
