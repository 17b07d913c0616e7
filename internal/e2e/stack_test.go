package e2e

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/demo"
	"github.com/laban-io/laban/internal/stack"
	"github.com/laban-io/laban/internal/testenv"
)

// system is the whole stack, for a test alone.
type system struct {
	*stack.Stack
	jaeger jaeger
}

// startSystem builds all programs, and starts them with their servers on free
// ports.
func startSystem(t *testing.T) system {
	t.Helper()
	if testing.Short() {
		t.Skip("needs servers: RabbitMQ, PostgreSQL, Jaeger, Prometheus, Alertmanager")
	}
	source, err := filepath.Abs("../..")
	require.NoError(t, err)
	programs := t.TempDir()
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-o", programs, "./cmd/...", "./services/...", "./internal/mailcatcher/...")
	build.Dir = source
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)
	// Not t.TempDir, which PostgreSQL's own user can't reach where this is root.
	folder, err := os.MkdirTemp("/tmp", "laban-e2e-") //nolint:usetesting // see above
	require.NoError(t, err)
	require.NoError(t, os.Chmod(folder, 0o711))
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(folder)) })
	settings, err := stack.ReadSettings(filepath.Join(source, "deploy", "compose", ".env"), func(string) (string, bool) { return "", false })
	require.NoError(t, err)
	s, err := stack.Up(t.Context(), stack.Config{
		Folder: folder, Source: source, Programs: programs, Settings: settings, FreePorts: true, Tethered: true, Out: t.Output(),
	})
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
		defer cancel()
		require.NoError(t, s.Down(ctx))
	})
	return system{s, jaeger{&testenv.JaegerServer{QueryURL: s.URL("JAEGER_PORT")}}}
}

// place places orders of all fates.
func (s system) place(t *testing.T, count int, rate float64) {
	t.Helper()
	placed, failed, err := demo.Load(t.Context(), demo.LoadConfig{
		Orders: s.URL("ORDER_PORT"), Count: count, Rate: rate, Out: t.Output(),
	})
	require.NoError(t, err)
	require.Equal(t, count, placed)
	require.Zero(t, failed)
}

// get asks one of the servers for JSON.
func get(t testing.TB, address string, answer any) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	require.NoError(t, err)
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, response.StatusCode, "%s: %s", address, text)
	require.NoError(t, json.Unmarshal(text, answer), "%s: %s", address, text)
}

// alert is one as Alertmanager has it.
type alert struct {
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	StartsAt    time.Time         `json:"startsAt"`
}

// alertGroup is what one notification is about.
type alertGroup struct {
	Labels map[string]string `json:"labels"`
	Alerts []alert           `json:"alerts"`
}

// groups returns the groups of the firing alerts of that name.
func (s system) groups(t testing.TB, name string) []alertGroup {
	t.Helper()
	var all []alertGroup
	query := url.Values{"filter": {`alertname="` + name + `"`}}
	get(t, s.URL("ALERTMANAGER_PORT")+"/api/v2/alerts/groups?"+query.Encode(), &all)
	return all
}

// sample is one of an instant vector.
type sample struct {
	Metric map[string]string `json:"metric"`
	Value  [2]any            `json:"value"`
}

func (s sample) value(t testing.TB) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(s.Value[1].(string), 64)
	require.NoError(t, err)
	return v
}

// ask evaluates an expression now.
func (s system) ask(t testing.TB, expression string) []sample {
	t.Helper()
	var answer struct {
		Data struct {
			Result []sample `json:"result"`
		} `json:"data"`
	}
	get(t, s.URL("PROMETHEUS_PORT")+"/api/v1/query?"+url.Values{"query": {expression}}.Encode(), &answer)
	return answer.Data.Result
}

// quiet waits until no order is under way any more.
func (s system) quiet(t *testing.T) {
	t.Helper()
	require.Eventually(t, func() bool {
		var page struct {
			Orders []struct {
				Status string `json:"status"`
			} `json:"orders"`
		}
		get(t, s.URL("ORDER_PORT")+"/orders?limit=100", &page)
		for _, order := range page.Orders {
			if order.Status == "placed" || order.Status == "canceling" {
				return false
			}
		}
		return len(page.Orders) > 0
	}, time.Minute, 250*time.Millisecond, "an order did not end")
	require.Eventually(t, func() bool {
		found := s.ask(t, `sum(laban_flows_in_flight)`)
		return len(found) == 1 && found[0].value(t) == 0
	}, time.Minute, 500*time.Millisecond, "the observer knows of flows under way")
}
