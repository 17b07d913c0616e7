package api

import (
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
)

// API is the observer's HTTP API. It is safe for concurrent use.
type API struct {
	cfg       Config
	contracts contracts
	handler   http.Handler
	attempts  *attempts
	// streams has a place for each client that follows the events.
	streams chan struct{}
	// stop is closed when the API stops.
	stop    chan struct{}
	stopped sync.Once
}

// New returns an API. Serve it with [API.Serve], or as a handler.
func New(cfg Config) (*API, error) {
	cfg.setDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	a := &API{
		cfg: cfg, contracts: contracts{observer: cfg.Observer, reader: cfg.Reader},
		attempts: newAttempts(time.Now), streams: make(chan struct{}, maxStreams), stop: make(chan struct{}),
	}
	mux := http.NewServeMux()
	described := a.routes(mux)
	if err := a.describe(mux, described.OpenAPI()); err != nil {
		return nil, fmt.Errorf("describe the API: %w", err)
	}
	patterns := a.pages(mux)
	mux.HandleFunc("GET /healthz", alive)
	mux.HandleFunc("GET /readyz", a.ready)
	if cfg.Metrics != nil {
		mux.Handle("/metrics", cfg.Metrics)
	}
	refuseTheRest(mux, described.OpenAPI(), patterns)
	a.handler = a.recoverPanics(a.guard(inTime(mux)))
	return a, nil
}

// ServeHTTP answers a request.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.handler.ServeHTTP(w, r) }

// Stop ends the streams of events, and tells their clients. It may be called
// more than once.
func (a *API) Stop() { a.stopped.Do(func() { close(a.stop) }) }

// apiVersion is that of the interface, not of the program.
const apiVersion = "1"

func (a *API) routes(mux *http.ServeMux) huma.API {
	cfg := huma.DefaultConfig("Laban observer", apiVersion)
	cfg.Info.Description = "What the observer knows of every flow. It answers from its ledger and changes nothing, but for closing a flow, which is an event in the log. Times are log times unless said otherwise."
	cfg.CreateHooks = nil // no $schema members in answers
	cfg.DocsPath = ""     // its pages would load scripts from elsewhere
	cfg.SchemasPath = ""
	cfg.OpenAPIPath = "" // served by describe, made once
	cfg.RejectUnknownQueryParameters = true
	api := humago.New(mux, cfg)

	const (
		bad, missing, unavailable = http.StatusUnprocessableEntity, http.StatusNotFound, http.StatusServiceUnavailable
		unknown, refused, limited = http.StatusUnauthorized, http.StatusForbidden, http.StatusTooManyRequests
	)
	huma.Register(api, huma.Operation{
		OperationID: "list-flows", Method: http.MethodGet, Path: "/api/v1/flows",
		Summary:     "Flows, those that started last first",
		Description: "A page at a time: ask for the next one with cursor=<next>, or follow the Link header. A flow that starts meanwhile neither repeats nor hides any.",
		Errors:      []int{unknown, refused, limited, bad, unavailable},
	}, a.listFlows)
	huma.Register(api, huma.Operation{
		OperationID: "get-flow", Method: http.MethodGet, Path: "/api/v1/flows/{id}",
		Summary: "One flow: its journey, what is and was owed, and why it stopped",
		Errors:  []int{unknown, refused, limited, missing, bad, unavailable},
	}, a.getFlow)
	huma.Register(api, huma.Operation{
		OperationID: "close-flow", Method: http.MethodPost, Path: "/api/v1/flows/{id}/close", DefaultStatus: http.StatusAccepted,
		Summary:      "Say that a flow is over",
		Description:  "For a flow that was mended by hand. It is written into the log, and the observer closes the flow when it reads it there.",
		MaxBodyBytes: maxBody,
		Errors:       []int{unknown, refused, limited, missing, http.StatusConflict, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, bad, unavailable},
	}, a.closeFlow)
	huma.Register(api, huma.Operation{
		OperationID: "where", Method: http.MethodGet, Path: "/api/v1/where",
		Summary:     "Where a flow is, in one sentence and its parts",
		Description: "The key may also be a flow's id or a trace id. Of several flows with a key it is the one that goes on, or the newest.",
		Errors:      []int{unknown, refused, limited, bad, unavailable},
	}, a.where)
	huma.Register(api, huma.Operation{
		OperationID: "list-choreographies", Method: http.MethodGet, Path: "/api/v1/choreographies",
		Summary: "The contracts in force",
		Errors:  []int{unknown, refused, limited},
	}, a.listChoreographies)
	huma.Register(api, huma.Operation{
		OperationID: "get-choreography", Method: http.MethodGet, Path: "/api/v1/choreographies/{name}",
		Summary:     "A contract, with live figures for each reaction",
		Description: "How often each step was answered, how long that took, and how often it was overdue. Figures are of the newest 50,000 answers and stalls at most.",
		Errors:      []int{unknown, refused, limited, missing, bad, unavailable},
	}, a.getChoreography)
	huma.Register(api, huma.Operation{
		OperationID: "get-status", Method: http.MethodGet, Path: "/api/v1/status",
		Summary: "How the observer fares: what it has read, whether it is blind and why, what it taps, services and their clocks",
		Errors:  []int{unknown, refused, limited},
	}, a.getStatus)
	a.registerEvents(api)
	return api
}

// escape makes one segment of a path.
func escape(segment string) string { return url.PathEscape(segment) }
