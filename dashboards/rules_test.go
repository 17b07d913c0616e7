package dashboards_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/laban-io/laban/dashboards/internal/grafana"
)

type rule struct {
	Record, Alert, Expr string
	Labels, Annotations map[string]string
}

// rules are all rules of a kind of file.
func rules(t *testing.T) (alerts, records []rule) {
	t.Helper()
	files, err := filepath.Glob("prometheus/*.rules.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		var content struct{ Groups []struct{ Rules []rule } }
		require.NoError(t, yaml.Unmarshal(text, &content))
		for _, group := range content.Groups {
			for _, r := range group.Rules {
				if r.Alert != "" {
					alerts = append(alerts, r)
				} else {
					records = append(records, r)
				}
			}
		}
	}
	require.NotEmpty(t, alerts)
	require.NotEmpty(t, records)
	return alerts, records
}

// tool runs a program that make deps installs.
func tool(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	require.NoError(t, err, "install it: make deps")
	cmd := exec.CommandContext(t.Context(), path, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return string(out)
}

func TestRulesAreValid(t *testing.T) {
	files, err := filepath.Glob("prometheus/*.rules.yaml")
	require.NoError(t, err)
	tool(t, ".", "promtool", append([]string{"check", "rules", "--lint=all", "--lint-fatal"}, files...)...)
}

func TestAlertsFireStayQuietAndResolve(t *testing.T) {
	if testing.Short() {
		t.Skip("promtool computes for half a minute")
	}
	files, err := filepath.Glob("prometheus/tests/*.test.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			tool(t, "prometheus/tests", "promtool", "test", "rules", filepath.Base(file))
		})
	}
}

// Each alert has to be seen firing, and quiet before and after, in one of the
// tests that promtool runs. The watchdog is never quiet.
func TestEveryAlertIsTested(t *testing.T) {
	files, err := filepath.Glob("prometheus/tests/*.test.yaml")
	require.NoError(t, err)
	type seen struct{ quiet, fires, resolves bool }
	found := map[string]seen{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		var content struct {
			Tests []struct {
				Checks []struct {
					Alert  string `yaml:"alertname"`
					Expect []any  `yaml:"exp_alerts"`
				} `yaml:"alert_rule_test"`
			}
		}
		require.NoError(t, yaml.Unmarshal(text, &content))
		for _, test := range content.Tests {
			fired := map[string]bool{}
			for _, check := range test.Checks {
				s := found[check.Alert]
				switch {
				case len(check.Expect) > 0:
					s.fires, fired[check.Alert] = true, true
				case fired[check.Alert]:
					s.resolves = true
				default:
					s.quiet = true
				}
				found[check.Alert] = s
			}
		}
	}
	alerts, _ := rules(t)
	for _, alert := range alerts {
		want := seen{true, true, true}
		if alert.Alert == "LabanWatchdog" {
			want = seen{fires: true}
		}
		require.Equal(t, want, found[alert.Alert], alert.Alert)
	}
}

const runbooks = "https://github.com/laban-io/laban/blob/main/docs/runbooks/"

// The conventions are those of the monitoring mixins.
func TestAlertsKeepToTheConventions(t *testing.T) {
	boards := map[string]bool{}
	for _, board := range grafana.All() {
		boards[board.UID] = true
	}
	alerts, _ := rules(t)
	for _, a := range alerts {
		t.Run(a.Alert, func(t *testing.T) {
			require.Regexp(t, `^Laban([A-Z][a-z]+)+$`, a.Alert)
			require.Contains(t, []string{"critical", "warning", "info", "none"}, a.Labels["severity"])
			require.Regexp(t, `^[A-Z][^{}]*\.$`, a.Annotations["summary"], "a fixed sentence")
			require.NotEmpty(t, a.Annotations["description"])
			require.NotEqual(t, a.Annotations["summary"], a.Annotations["description"])
			require.Equal(t, runbooks+a.Alert+".md", a.Annotations["runbook_url"])
			require.FileExists(t, "../docs/runbooks/"+a.Alert+".md")
			require.NotContains(t, a.Expr, "topk", "which changes its mind from one evaluation to the next")
			for name := range a.Labels {
				require.NotContains(t, []string{"key", "flow_id", "trace_id"}, name, "ids are in the text only")
			}
			require.NotRegexp(t, `by \([^)]*\b(key|flow_id|trace_id)\b`, a.Expr)
			// Labels of the rule are not in $labels, so a text that uses one is cut short.
			for name := range a.Labels {
				for _, text := range a.Annotations {
					require.NotContains(t, text, "$labels."+name)
				}
			}
			if a.Alert == "LabanWatchdog" {
				return
			}
			uid := regexp.MustCompile(`^\{\{ \$externalLabels\.grafana_url \}\}/d/([a-z-]+)`).FindStringSubmatch(a.Annotations["dashboard"])
			require.NotNil(t, uid, a.Annotations["dashboard"])
			require.True(t, boards[uid[1]], "there is no dashboard %s", uid[1])
		})
	}
}

func TestEveryMetricInRulesIsExported(t *testing.T) {
	known := exported(t)
	alerts, records := rules(t)
	for _, r := range slices.Concat(alerts, records) {
		for _, name := range metricsIn(t, r.Expr) {
			require.True(t, known[name], "%s%s reads %s, which nobody exports", r.Alert, r.Record, name)
		}
	}
	// And those that are read from within a text.
	text, err := os.ReadFile("prometheus/laban-alerts.rules.yaml")
	require.NoError(t, err)
	for _, query := range regexp.MustCompile(`\((laban_\w+)\{[^}]*\}\)\)" `).FindAllStringSubmatch(string(text), -1) {
		require.True(t, known[query[1]], query[1])
	}
	require.Contains(t, string(text), "laban_flow_stalled_example_timestamp_seconds")
}

func TestEveryRunbookIsWhole(t *testing.T) {
	alerts, _ := rules(t)
	named := map[string]bool{}
	for _, a := range alerts {
		named[a.Alert] = true
	}
	files, err := filepath.Glob("../docs/runbooks/*.md")
	require.NoError(t, err)
	require.Len(t, files, len(named))
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".md")
		require.True(t, named[name], "%s is about no alert", file)
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		require.True(t, strings.HasPrefix(string(text), "# "+name+"\n"), file)
		at := 0
		for _, section := range []string{"Meaning", "Impact", "Find the cause", "What to do", "What not to do"} {
			i := strings.Index(string(text[at:]), "\n## "+section+"\n\n")
			require.GreaterOrEqual(t, i, 0, "%s has no section %q, or not in this order", file, section)
			at += i + 1
		}
		linksResolve(t, file)
	}
	linksResolve(t, "../docs/guides/on-call.md")
}

// The page of all alerts has each, with its severity.
func TestEveryAlertIsInTheReference(t *testing.T) {
	const page = "../docs/reference/alerts.md"
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	documented := map[string]string{}
	for _, row := range regexp.MustCompile(`(?m)^\| \[(\w+)\]\([^)]*\) \| ([^|]*) \|`).FindAllStringSubmatch(string(text), -1) {
		documented[row[1]] = row[2]
	}
	alerts, _ := rules(t)
	named := map[string]bool{}
	for _, a := range alerts {
		named[a.Alert] = true
		require.Contains(t, documented[a.Alert], a.Labels["severity"], a.Alert)
	}
	require.Len(t, documented, len(named))
	linksResolve(t, page)
}

// linksResolve holds the links of a page to files that exist.
func linksResolve(t *testing.T, file string) {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	for _, link := range regexp.MustCompile(`\]\(([^)#]*)(#[^)]*)?\)`).FindAllStringSubmatch(string(text), -1) {
		if link[1] == "" || strings.HasPrefix(link[1], "https://") {
			continue
		}
		require.FileExists(t, filepath.Join(filepath.Dir(file), link[1]), file)
	}
}

// Every page of the observer that an alert or a dashboard links to has to be
// there, and to know the parameters it is given.
func TestLinksToTheObserverAreServed(t *testing.T) {
	served := observerAPI(t)
	var links []string
	alerts, _ := rules(t)
	for _, a := range alerts {
		for _, m := range regexp.MustCompile(`laban_url \}\}(/(?:\{\{[^}]*\}\}|[^\s)'{])*)`).FindAllStringSubmatch(a.Annotations["description"], -1) {
			links = append(links, m[1])
		}
	}
	for _, board := range grafana.All() {
		text := encode(t, board)
		for _, m := range regexp.MustCompile(`\$\{laban_url\}(/[^"\s)]*)`).FindAllStringSubmatch(text, -1) {
			links = append(links, m[1])
		}
	}
	require.Greater(t, len(links), 5)
	for _, link := range links {
		link = strings.ReplaceAll(link, `\u0026`, "&")
		// What is filled in is a value like another, the conditions of a text are none.
		link = regexp.MustCompile(`\{\{ (if|else|end)[^}]*\}\}`).ReplaceAllString(link, "")
		link = regexp.MustCompile(`\{\{[^}]*\}\}|\$\{[^}]*\}`).ReplaceAllStringFunc(link, filledIn)
		path, query, _ := strings.Cut(link, "?")
		for _, address := range []string{path, asList(path, query)} {
			if address == "" {
				continue
			}
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://localhost"+address, http.NoBody)
			r.RemoteAddr = "127.0.0.1:1"
			w := httptest.NewRecorder()
			served.ServeHTTP(w, r)
			require.Equal(t, http.StatusOK, w.Code, "%s: %s", address, w.Body)
		}
	}
}

// filledIn is what a variable holds, by what it is called.
func filledIn(variable string) string {
	for _, v := range [][2]string{{"choreography", "order"}, {"service", "payment"}, {"cause", "parked"}, {"flow", "F1042"}, {"window", "1h"}} {
		if strings.Contains(variable, v[0]) {
			return v[1]
		}
	}
	return "unknown"
}

// asList is the address that knows the parameters of a list of flows: it refuses
// those that there are not.
func asList(path, query string) string {
	if path != "/" || query == "" {
		return ""
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return fmt.Sprintf("/not-a-query?%v", err)
	}
	return "/api/v1/flows?" + values.Encode()
}
