package e2e

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// slow are the alerts that take hours or days by their rules, and by how much
// time is made to run faster in the copy of their rule that this test adds: each
// range, offset and wait, and each number of days, is divided by it. The copy
// says the same as the rule in each other way. Nothing else is changed: all other
// alerts fire by their own rules.
func slow() map[string]float64 {
	return map[string]float64{
		"LabanNoFlowsStarted": 60,   // an hour without a start is a minute
		"LabanRetentionNear":  2880, // two days unread are a minute
	}
}

// leastRange is what no range is divided below: a few scrapes, 5 s apart.
const leastRange = 20 * time.Second

// alertRule is an alert's rule in a file.
type alertRule struct {
	Alert       string            `yaml:"alert"`
	Expr        string            `yaml:"expr"`
	For         model.Duration    `yaml:"for,omitempty"`
	Labels      map[string]string `yaml:"labels"`
	Annotations map[string]string `yaml:"annotations"`
}

// alertRules are those of dashboards/prometheus.
func alertRules(t *testing.T) []alertRule {
	t.Helper()
	text, err := os.ReadFile("../../dashboards/prometheus/laban-alerts.rules.yaml")
	require.NoError(t, err)
	var content struct {
		Groups []struct{ Rules []alertRule }
	}
	require.NoError(t, yaml.Unmarshal(text, &content))
	var all []alertRule
	for _, group := range content.Groups {
		all = append(all, group.Rules...)
	}
	require.NotEmpty(t, all)
	return all
}

// faster returns an expression in which time runs faster by a factor.
func faster(t *testing.T, expression string, factor float64) string {
	t.Helper()
	shorter := func(d time.Duration) time.Duration {
		return time.Duration(float64(d) / factor).Round(time.Millisecond)
	}
	e, err := parser.ParseExpr(expression)
	require.NoError(t, err)
	parser.Inspect(e, func(n parser.Node, _ []parser.Node) error {
		switch n := n.(type) {
		case *parser.MatrixSelector:
			n.Range = max(shorter(n.Range), leastRange)
		case *parser.VectorSelector:
			n.OriginalOffset = shorter(n.OriginalOffset)
		case *parser.NumberLiteral:
			const day = 86400
			if n.Val == day {
				n.Val /= factor
			}
		}
		return nil
	})
	return e.String()
}

// hasten has Prometheus evaluate copies of the slow alerts' rules as well.
func (s system) hasten(t *testing.T) {
	t.Helper()
	left := slow()
	var rules []alertRule
	for _, r := range alertRules(t) {
		factor, ok := left[r.Alert]
		if !ok {
			continue
		}
		delete(left, r.Alert)
		r.Expr, r.For = faster(t, r.Expr, factor), model.Duration(time.Duration(float64(r.For)/factor).Round(time.Millisecond))
		t.Logf("%s, %v times as fast, for %v: %s", r.Alert, factor, r.For, r.Expr)
		rules = append(rules, r)
	}
	require.Empty(t, left, "there are no such alerts")
	text, err := yaml.Marshal(map[string]any{"groups": []any{map[string]any{"name": "laban.hastened", "rules": rules}}})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(s.Folder(), "config", "prometheus", "rules", "hastened.rules.yaml"), text, 0o600))
	for _, part := range s.Status(t.Context()) {
		if part.Name == "prometheus" {
			require.NoError(t, syscall.Kill(part.PID, syscall.SIGHUP))
		}
	}
	require.Eventually(t, func() bool {
		var answer struct {
			Data struct {
				Groups []struct{ Name string } `json:"groups"`
			} `json:"data"`
		}
		get(t, s.URL("PROMETHEUS_PORT")+"/api/v1/rules", &answer)
		return slices.ContainsFunc(answer.Data.Groups, func(g struct{ Name string }) bool { return g.Name == "laban.hastened" })
	}, 20*time.Second, 100*time.Millisecond)
	// What was counted before the first scrape is no increase.
	require.Eventually(t, func() bool {
		found := s.ask(t, "laban_flows_started_total")
		return len(found) == 1 && found[0].value(t) == 0
	}, 30*time.Second, 250*time.Millisecond, "the observer is not scraped")
}

// fired keeps which alerts Alertmanager has had, by what they are about, and
// when each came and was told of as over.
type fired map[string]time.Time

// note adds those that Alertmanager has now, also those that others inhibit.
func (s system) note(t *testing.T, seen fired) {
	t.Helper()
	var all []struct {
		alert
		Status struct {
			State       string   `json:"state"`
			InhibitedBy []string `json:"inhibitedBy"`
		} `json:"status"`
	}
	get(t, s.URL("ALERTMANAGER_PORT")+"/api/v2/alerts", &all)
	for _, a := range all {
		about := a.about()
		if _, known := seen[about]; known {
			continue
		}
		seen[about] = a.StartsAt
		t.Logf("%s  %s (%s)\n%s", a.StartsAt.Format(time.TimeOnly), about, a.Status.State, a.Annotations["description"])
		require.NotContains(t, a.Annotations["description"], "<error", "a text that could not be made")
		require.NotContains(t, a.Annotations["description"], "<no value>")
	}
}

// about is the name of an alert, with what tells its instances apart.
func (a alert) about() string {
	about := a.Labels["alertname"]
	for _, name := range []string{"reason", "queue", "window", "cause"} {
		if value := a.Labels[name]; value != "" {
			about += " " + value
		}
	}
	return about
}

// await waits until each of the alerts has come.
func (s system) await(t *testing.T, seen fired, within time.Duration, wanted ...string) {
	t.Helper()
	var missing []string
	require.Eventually(t, func() bool {
		s.note(t, seen)
		missing = slices.DeleteFunc(slices.Clone(wanted), func(about string) bool { _, came := seen[about]; return came })
		return len(missing) == 0
	}, within, 500*time.Millisecond, "not all of %v have come", wanted)
}

// finish holds a run to it that every alert has fired.
func (f fired) finish(t *testing.T) {
	t.Helper()
	came := make(map[string]bool)
	for about := range f {
		name, _, _ := strings.Cut(about, " ")
		came[name] = true
	}
	for _, r := range alertRules(t) {
		require.True(t, came[r.Alert], "%s did not fire; these did: %v", r.Alert, slices.Sorted(maps.Keys(f)))
	}
	// Of the alerts that have several forms, these.
	for _, about := range []string{
		"LabanObserverBlind down", "LabanObserverBlind broker-blocked",
		"LabanCompletionBudgetBurn 1h", "LabanCompletionBudgetBurn 6h", "LabanCompletionBudgetBurn 1d", "LabanCompletionBudgetBurn 3d",
	} {
		require.Contains(t, f, about)
	}
}
