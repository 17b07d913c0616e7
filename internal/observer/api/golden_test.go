package api_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/observer/api"
	"github.com/laban-io/laban/pkg/flow"
)

var update = flag.Bool("update", false, "write what the tests compare with")

// golden compares with a file, or writes it.
func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	if *update {
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(t, os.WriteFile(file, got, 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err, "make it with go test ./internal/observer/api -update")
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s differs (-want +got); where that is meant: go test ./internal/observer/api -update\n%s", file, diff)
	}
}

// busy is a world in which something of everything has happened.
func busy(t testing.TB) *world {
	w := newWorld(t)
	w.Chain("1040", "order.placed", "stock.confirmed", "payment.confirmed", "order.shipped")
	w.Chain("1041", "order.placed", "stock.confirmed", "payment.rejected", "stock.returned")
	// Order 1042 is parked after it was tried again, and somebody who is not asked
	// tells of it, too.
	placed := w.Event("1042", "order.placed", "")
	w.Fail(flow.Failure{EventID: placed, Type: "order.placed", FlowID: "F1042", Key: "1042", Service: "inventory", Attempt: 2, Of: 5, Error: "locked"})
	w.Pulse(400 * time.Millisecond)
	stock := w.Event("1042", "stock.confirmed", placed, func(e *flow.Event) { e.TriggerTime = e.Time.Add(-30 * time.Millisecond) })
	w.Event("1042", "stock.counted", stock, func(e *flow.Event) { e.Source, e.Trace.TraceID = "auditor", [16]byte{7} })
	w.Event("1042", "notification.sent", placed, func(e *flow.Event) { e.TriggerTime = time.Time{} })
	w.Fail(flow.Failure{EventID: stock, Type: "stock.confirmed", FlowID: "F1042", Key: "1042", Service: "payment", Parked: true, Attempt: 5, Of: 5, Error: "no such account"})
	w.Pulse(22 * time.Second)
	w.Chain("1043", "order.placed")
	w.Pulse(time.Second)
	w.Chain("1044", "order.placed")
	w.Shut("1044", "asked for by phone", "ann")
	w.Pulse(time.Second)
	w.Event("1045", "order.placed", "")
	w.Pulse(time.Second)
	return w
}

func TestAnswersAreAsDocumented(t *testing.T) {
	a := busy(t).serve()
	for file, address := range map[string]string{
		"flows":           "/api/v1/flows",
		"flows-filtered":  "/api/v1/flows?choreography=order&status=stalled,running&service=payment&cause=parked&key=1042&since=1h&limit=5",
		"flows-none":      "/api/v1/flows?cause=backlog",
		"flow-stalled":    "/api/v1/flows/F1042",
		"flow-completed":  "/api/v1/flows/F1040?choreography=order",
		"flow-closed":     "/api/v1/flows/F1044",
		"flow-missing":    "/api/v1/flows/nobody",
		"where-stalled":   "/api/v1/where?key=1042",
		"where-running":   "/api/v1/where?key=1045",
		"where-none":      "/api/v1/where?key=9999",
		"choreographies":  "/api/v1/choreographies",
		"choreography":    "/api/v1/choreographies/order",
		"choreography-no": "/api/v1/choreographies/ordre",
		"status":          "/api/v1/status",
		"ready":           "/readyz",
		"bad-query":       "/api/v1/flows?status=stuck&limit=0&color=red",
		"bad-since":       "/api/v1/flows?since=yesterday",
		"bad-cursor":      "/api/v1/flows?cursor=xyz",
		"bad-window":      "/api/v1/choreographies/order?window=0s",
	} {
		t.Run(file, func(t *testing.T) {
			answer := get(t, a, address)
			var pretty bytes.Buffer
			pretty.WriteString(answer.Header().Get("Content-Type") + " " + http.StatusText(answer.Code) + "\n")
			require.NoError(t, json.Indent(&pretty, bytes.TrimSpace(answer.Body.Bytes()), "", "  "), "%s", answer.Body)
			golden(t, filepath.Join("testdata", file+".json"), append(pretty.Bytes(), '\n'))
		})
	}
}

func TestTheDescriptionIsTheCommittedOne(t *testing.T) {
	a := newWorld(t).serve()
	answer := get(t, a, "/openapi.yaml")
	require.Equal(t, http.StatusOK, answer.Code)
	golden(t, "../../../docs/reference/openapi.yaml", answer.Body.Bytes())

	answer = get(t, a, "/openapi.json")
	var spec struct {
		OpenAPI string                    `json:"openapi"`
		Paths   map[string]map[string]any `json:"paths"`
	}
	require.NoError(t, json.Unmarshal(answer.Body.Bytes(), &spec))
	require.Regexp(t, `^3\.1\.`, spec.OpenAPI)
	require.Len(t, spec.Paths, 8)
	for path, methods := range spec.Paths {
		if _, ok := methods["get"]; !ok {
			continue
		}
		// No path is answered as if it were not there.
		if path != "/api/v1/events" {
			require.NotContains(t, get(t, a, path).Body.String(), "there is nothing here", path)
		}
	}
}

func TestPagesGoOnWhereTheLastEnded(t *testing.T) {
	w := newWorld(t)
	w.Completed(7)
	a := w.serve()
	var keys []string
	address := "/api/v1/flows?limit=3&status=completed,failed"
	for pages := 0; address != ""; pages++ {
		require.Less(t, pages, 4)
		answer := get(t, a, address)
		require.Equal(t, http.StatusOK, answer.Code, "%s", answer.Body)
		var page api.FlowPage
		require.NoError(t, json.Unmarshal(answer.Body.Bytes(), &page))
		for _, f := range page.Flows {
			keys = append(keys, f.Key)
		}
		link := answer.Header().Get("Link")
		address = ""
		if page.Next != "" {
			require.Equal(t, `</api/v1/flows?cursor=`+url.QueryEscape(page.Next)+`&limit=3&status=completed%2Cfailed>; rel="next"`, link)
			address = link[1 : len(link)-len(`>; rel="next"`)]
		}
	}
	require.Equal(t, []string{"old-6", "old-5", "old-4", "old-3", "old-2", "old-1", "old-0"}, keys)
}

func TestAFlowOfForeignServicesHasAnAddress(t *testing.T) {
	w := newWorld(t)
	w.Event("a/b c?", "order.placed", "", func(e *flow.Event) { e.FlowID, e.FlowName = "", "" })
	w.Pulse(time.Second)
	a := w.serve()
	f := where(t, a, "a/b c?").Flow
	require.Equal(t, "a/b c?@3", f.ID)
	answer := get(t, a, "/api/v1/flows/"+url.PathEscape(f.ID))
	require.Equal(t, http.StatusOK, answer.Code, "%s", answer.Body)
}

// A flow keeps the outcomes of the contract that it began with.
func TestAFlowIsToldByItsOwnContract(t *testing.T) {
	w := newWorld(t)
	w.Chain("1042", "order.placed", "stock.confirmed", "payment.confirmed", "order.shipped")
	w.rules("choreography: order\nstarts: [order.placed]\noutcomes: {completed: [order.arrived]}\nreactions:\n  - {service: order, emits: [order.placed, order.arrived]}\n")
	a := w.serve()
	require.Contains(t, where(t, a, "1042").Sentence, "completed at 14:02:01 UTC with order.shipped")
	answer := get(t, a, "/api/v1/flows/F1042")
	var d api.Detail
	require.NoError(t, json.Unmarshal(answer.Body.Bytes(), &d))
	require.Equal(t, []int{1, 2, 3, 4}, d.CriticalPath.Events)
	require.Equal(t, 1500.0, d.CriticalPath.TotalMS)
	require.Equal(t, 30.0, *d.CriticalPath.HandMS)
}
