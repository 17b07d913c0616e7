package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/testenv"
)

// trace is what Jaeger's API says of one.
type trace struct {
	Spans []struct {
		OperationName string `json:"operationName"`
		ProcessID     string `json:"processID"`
		References    []any  `json:"references"`
	} `json:"spans"`
	Processes map[string]struct {
		ServiceName string `json:"serviceName"`
	} `json:"processes"`
}

// services returns the names of the services that have spans.
func (tr trace) services() []string {
	names := make(map[string]bool)
	for _, s := range tr.Spans {
		names[tr.Processes[s.ProcessID].ServiceName] = true
	}
	return slices.Sorted(maps.Keys(names))
}

// roots returns the operations of the spans without a parent. A parent that is
// linked as well is one reference, of type FOLLOWS_FROM.
func (tr trace) roots() []string {
	var names []string
	for _, s := range tr.Spans {
		if len(s.References) == 0 {
			names = append(names, s.OperationName)
		}
	}
	return names
}

var traceLine = regexp.MustCompile(`(?m)^ {2}(\S+) +(\w{26}) {2}([0-9a-f]{32})$`)

func TestEachServiceOfTheDemoTracesUnderItsOwnName(t *testing.T) {
	jaeger := testenv.Jaeger(t)
	p := start(t, []string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + jaeger.OTLPEndpoint},
		"demo", "--orders", "6", "--exit", "--think", "1ms", "--fates", "approved=1,declined=1,out-of-stock=1,timeout=1,undeliverable=1,canceled=1")
	require.Zero(t, p.wait(t), "%s", &p.out)
	require.Contains(t, p.out.String(), "traces     "+jaeger.OTLPEndpoint)
	require.NotContains(t, p.out.String(), "could not be sent")
	lines := traceLine.FindAllStringSubmatch(p.out.String(), -1)
	require.Len(t, lines, 6, "%s", &p.out)
	for _, line := range lines {
		services := []string{"inventory", "notification", "order"}
		switch line[1] {
		case "declined":
			services = append(services, "payment")
		case "approved", "timeout", "undeliverable":
			services = append(services, "payment", "delivery")
		}
		var found trace
		require.Eventually(t, func() bool { // what was exported shows a moment later
			found = fetch(jaeger.QueryURL, line[3])
			return !slices.ContainsFunc(services, func(s string) bool { return !slices.Contains(found.services(), s) })
		}, 20*time.Second, 100*time.Millisecond, "%s", line[1])
		require.Equal(t, []string{"POST /orders"}, found.roots(), "%s", line[1])
	}
}

// fetch returns a trace, an empty one if there is none yet.
func fetch(queryURL, id string) trace {
	answer, err := http.Get(fmt.Sprintf("%s/api/traces/%s", queryURL, id))
	if err != nil {
		return trace{}
	}
	defer func() { _ = answer.Body.Close() }()
	var page struct {
		Data []trace `json:"data"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&page); err != nil || len(page.Data) != 1 {
		return trace{}
	}
	return page.Data[0]
}
