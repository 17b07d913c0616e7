package api

import (
	"encoding/json"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// registerEvents adds the stream of events, which has no schema of huma's own.
func (a *API) registerEvents(api huma.API) {
	transition := api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[Transition](), true, "Transition")
	huma.Register(api, huma.Operation{
		OperationID: "follow-events", Method: http.MethodGet, Path: eventsPath,
		Summary: "The changes of flows as they happen",
		Description: "Server-sent events. An event `transition` has the record's offset as its id and a Transition as its data; comments come between as heartbeats. " +
			"An event `cut-off` says that the client read too slowly and missed changes, `bye` that the observer stops; both end the stream. What happened before the call is not told again.",
		Responses: map[string]*huma.Response{"200": {
			Description: "A stream of events",
			Content: map[string]*huma.MediaType{"text/event-stream": {
				Schema: &huma.Schema{Type: huma.TypeString, Description: "The data of an event transition is the JSON of the schema Transition"},
				Extensions: map[string]any{
					"x-event-data": transition,
				},
			}},
		}},
		Errors: []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusUnprocessableEntity, http.StatusServiceUnavailable},
	}, a.streamEvents)
}

// describe serves the API's description.
func (a *API) describe(mux *http.ServeMux, spec *huma.OpenAPI) error {
	spec.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"token": {Type: "http", Scheme: "bearer", Description: "Needed where the observer was started with " + TokenVariable + "."},
	}
	spec.Security = []map[string][]string{{}, {"token": {}}}
	asJSON, err := json.MarshalIndent(spec, "", "  ")
	if err != nil {
		return err
	}
	asYAML, err := spec.YAML()
	if err != nil {
		return err
	}
	serve := func(path, contentType string, body []byte) {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", contentType)
			_, _ = w.Write(body) // a caller that left needs no answer
		})
	}
	serve("/openapi.json", "application/openapi+json", asJSON)
	serve("/openapi.yaml", "application/openapi+yaml", asYAML)
	return nil
}

// refuseTheRest answers other methods and paths with problems.
func refuseTheRest(mux *http.ServeMux, spec *huma.OpenAPI, pages []string) {
	allowed := map[string]string{
		"/openapi.json": "GET", "/openapi.yaml": "GET", "/healthz": "GET", "/readyz": "GET",
	}
	for _, path := range pages {
		allowed[path] = http.MethodGet
	}
	for path, item := range spec.Paths {
		var methods []string
		if item.Get != nil {
			methods = append(methods, http.MethodGet)
		}
		if item.Post != nil {
			methods = append(methods, http.MethodPost)
		}
		slices.Sort(methods)
		allowed[path] = strings.Join(methods, ", ")
	}
	for path, methods := range allowed {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Allow", methods)
			writeProblem(w, http.StatusMethodNotAllowed, "allowed here: "+methods)
		})
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		writeProblem(w, http.StatusNotFound, "there is nothing here; /openapi.json describes what there is")
	})
}
