package dashboards_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

func TestAlertmanagerIsConfigured(t *testing.T) {
	tool(t, ".", "amtool", "check-config", "alertmanager/alertmanager.yaml")
}

func TestAlertsAreRouted(t *testing.T) {
	for labels, receiver := range map[string]string{
		"alertname=LabanFlowStalled severity=critical choreography=order step=s service=payment cause=parked": "on-call",
		"alertname=LabanObserverBlind severity=critical reason=down":                                          "on-call",
		"alertname=LabanNoConsumer severity=critical queue=payment":                                           "on-call",
		"alertname=LabanMessagesLost severity=critical queue=events.lost":                                     "on-call",
		"alertname=LabanMessagesParked severity=warning queue=payment.parked":                                 "tickets",
		"alertname=LabanOutboxFailed severity=critical service=payment":                                       "on-call",
		"alertname=LabanOutboxOld severity=warning service=payment":                                           "tickets",
		"alertname=LabanCompletionBudgetBurn severity=critical window=1h choreography=order":                  "on-call",
		"alertname=LabanCompletionBudgetBurn severity=warning window=3d choreography=order":                   "tickets",
		"alertname=LabanTelemetryDropped severity=warning job=payment":                                        "tickets",
		"alertname=LabanNoFlowsStarted severity=warning choreography=order":                                   "tickets",
		"alertname=LabanWatchdog severity=none":                                                               "watchdog",
		"alertname=SomebodyElses severity=critical":                                                           "on-call",
	} {
		args := []string{"config", "routes", "test", "--config.file=alertmanager/alertmanager.yaml", "--verify.receivers=" + receiver}
		tool(t, ".", "amtool", append(args, strings.Fields(labels)...)...)
	}
}

// What a rule of inhibition names has to be there: a misspelt one inhibits
// nothing, and nobody notices.
func TestInhibitionNamesAlertsThatThereAre(t *testing.T) {
	text, err := os.ReadFile("alertmanager/alertmanager.yaml")
	require.NoError(t, err)
	alerts, _ := rules(t)
	var known []string
	for _, a := range alerts {
		known = append(known, a.Alert)
	}
	var config struct {
		Rules []struct {
			Source []string `yaml:"source_matchers"`
			Target []string `yaml:"target_matchers"`
		} `yaml:"inhibit_rules"`
	}
	require.NoError(t, yaml.Unmarshal(text, &config))
	require.NotEmpty(t, config.Rules)
	for _, r := range config.Rules {
		for _, matcher := range append(r.Source, r.Target...) {
			name, value, _ := strings.Cut(matcher, "=")
			if name != "alertname" {
				continue
			}
			for _, alert := range strings.Split(strings.Trim(value, `~"`), "|") {
				require.Contains(t, known, alert)
			}
		}
	}
}

// notification is a stalled alert and one that is over, with the text that
// LabanFlowStalled has in prometheus/tests/stalled.test.yaml.
const notification = "alertmanager/testdata/stalled.json"

func render(t *testing.T, name, data string) string {
	t.Helper()
	args := []string{"template", "render", "--template.glob=alertmanager/templates/*.tmpl", "--template.data=" + data, `--template.text={{ template "` + name + `" . }}`}
	if name == "laban.html" {
		args = append(args, "--template.type=html")
	}
	return tool(t, ".", "amtool", args...)
}

func TestTextsReadAsTheyShould(t *testing.T) {
	for _, name := range []string{"subject", "text", "html"} {
		got := render(t, "laban."+name, notification)
		file := "alertmanager/testdata/stalled." + name
		if os.Getenv("LABAN_UPDATE_GOLDEN") != "" {
			require.NoError(t, os.WriteFile(file, []byte(got), 0o600))
		}
		want, err := os.ReadFile(file)
		require.NoError(t, err)
		require.Equal(t, string(want), got)
	}
}

func TestSubjectsOfAlertsWithoutLabelsEndWell(t *testing.T) {
	text, err := os.ReadFile(notification)
	require.NoError(t, err)
	var data map[string]any
	require.NoError(t, json.Unmarshal(text, &data))
	data["commonLabels"], data["groupLabels"] = map[string]string{"alertname": "LabanLogGap", "severity": "critical"}, map[string]string{"alertname": "LabanLogGap"}
	bare, err := json.Marshal(data)
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "bare.json")
	require.NoError(t, os.WriteFile(file, bare, 0o600))
	require.Equal(t, "[CRITICAL] LabanLogGap", strings.TrimSuffix(render(t, "laban.subject", file), "\n"))
}

// A key comes from messages, which may hold anything.
func TestTextsOfHostileKeysAreHarmless(t *testing.T) {
	text, err := os.ReadFile(notification)
	require.NoError(t, err)
	hostile := filepath.Join(t.TempDir(), "hostile.json")
	require.NoError(t, os.WriteFile(hostile, []byte(strings.ReplaceAll(string(text), "1042", `<script>alert(1)</script>{{ .Status }}`)), 0o600))
	got := render(t, "laban.html", hostile)
	require.NotContains(t, got, "<script>")
	require.Contains(t, got, "{{ .Status }}")
}

// A real Alertmanager holds back what an observer that is blind can't know, and
// what another alert tells better. It tells its receivers of the rest in one
// message.
func TestInhibition(t *testing.T) {
	if testing.Short() {
		t.Skip("starts an Alertmanager")
	}
	hooked := make(chan string, 100)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var told struct{ CommonLabels map[string]string }
		if json.Unmarshal(body, &told) == nil {
			hooked <- r.URL.Path + " " + told.CommonLabels["alertname"]
		}
	}))
	defer receiver.Close()
	text, err := os.ReadFile("alertmanager/alertmanager.yaml")
	require.NoError(t, err)
	// Mail has nowhere to go here, and nobody waits for seconds.
	hook := "  - name: on-call\n    webhook_configs:\n      - {url: \"" + receiver.URL + "/on-call\"}\n"
	config := strings.NewReplacer("  - name: on-call\n", hook, "mailpit:1025", "127.0.0.1:1", "group_wait: 5s", "group_wait: 0s").Replace(string(text))
	require.Contains(t, config, receiver.URL)
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(filepath.Join(dir, "templates"), os.DirFS("alertmanager/templates")))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "alertmanager.yaml"), []byte(config), 0o600))
	address := startAlertmanager(t, dir)

	send := func(labels ...map[string]string) {
		t.Helper()
		var alerts []map[string]any
		for _, l := range labels {
			alerts = append(alerts, map[string]any{"labels": l, "annotations": map[string]string{"summary": "s", "description": "d"}})
		}
		body, err := json.Marshal(alerts)
		require.NoError(t, err)
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address+"/api/v2/alerts", strings.NewReader(string(body)))
		require.NoError(t, err)
		r.Header.Set("Content-Type", "application/json")
		response, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.Equal(t, http.StatusOK, response.StatusCode)
	}
	state := func() map[string]string {
		var alerts []struct {
			Labels map[string]string
			Status struct{ State string }
		}
		if get(t.Context(), address+"/api/v2/alerts", &alerts) != nil {
			return nil
		}
		found := map[string]string{}
		for _, a := range alerts {
			name := a.Labels["alertname"] + " " + a.Labels["service"]
			if cause := a.Labels["cause"]; cause != "" && cause != "no-consumer" {
				name += " " + cause
			}
			found[name] = a.Status.State
		}
		return found
	}
	stalled := map[string]string{"alertname": "LabanFlowStalled", "severity": "critical", "choreography": "order", "step": "s", "service": "payment", "cause": "no-consumer"}
	otherwise := maps.Clone(stalled)
	otherwise["cause"], otherwise["service"] = "backlog", "payment"
	elsewhere := maps.Clone(otherwise)
	elsewhere["service"] = "delivery"
	send(stalled, otherwise, elsewhere,
		map[string]string{"alertname": "LabanNoConsumer", "severity": "critical", "vhost": "/", "queue": "payment", "service": "payment"},
		map[string]string{"alertname": "LabanNoConsumer", "severity": "critical", "vhost": "/", "queue": "delivery", "service": "delivery"})
	want := map[string]string{
		"LabanFlowStalled payment": "active", "LabanFlowStalled payment backlog": "suppressed", "LabanFlowStalled delivery backlog": "active",
		"LabanNoConsumer payment": "suppressed", "LabanNoConsumer delivery": "active",
	}
	require.Eventually(t, func() bool { return fmt.Sprint(state()) == fmt.Sprint(want) }, 20*time.Second, 50*time.Millisecond, "%v", state())
	select {
	case told := <-hooked:
		require.Contains(t, []string{"/on-call LabanFlowStalled", "/on-call LabanNoConsumer"}, told)
	case <-time.After(20 * time.Second):
		t.Fatal("the receiver was told nothing")
	}
	send(map[string]string{"alertname": "LabanObserverBlind", "severity": "critical", "reason": "down"})
	want["LabanObserverBlind "], want["LabanFlowStalled payment"], want["LabanFlowStalled delivery backlog"] = "active", "suppressed", "suppressed"
	require.Eventually(t, func() bool { return fmt.Sprint(state()) == fmt.Sprint(want) }, 20*time.Second, 50*time.Millisecond, "%v", state())
}

func get(ctx context.Context, url string, into any) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	return json.NewDecoder(response.Body).Decode(into)
}

// startAlertmanager runs one in a folder until the test ends.
func startAlertmanager(t *testing.T, dir string) (address string) {
	t.Helper()
	program, err := exec.LookPath("prometheus-alertmanager")
	if err != nil {
		program, err = exec.LookPath("alertmanager")
	}
	require.NoError(t, err, "install it: make deps")
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	at := listener.Addr().String()
	require.NoError(t, listener.Close())
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, program, "--config.file=alertmanager.yaml", "--storage.path=data", "--web.listen-address="+at, "--cluster.listen-address=")
	cmd.Dir = dir
	var log strings.Builder
	cmd.Stdout, cmd.Stderr = &log, &log
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait()
		if t.Failed() {
			t.Log(log.String())
		}
	})
	require.Eventually(t, func() bool {
		var status map[string]any
		return get(t.Context(), "http://"+at+"/api/v2/status", &status) == nil
	}, 30*time.Second, 50*time.Millisecond)
	return "http://" + at
}
