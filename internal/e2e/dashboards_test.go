package e2e

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// silent are the queries that may return nothing in this run, and why.
func silent() map[string]string {
	return map[string]string{
		"laban-rabbitmq / In hand / A":          "messages are in hand for milliseconds, and seldom while they are counted",
		"laban-telemetry / Events read / C":     "every record can be read",
		"laban-flow / Attempts that failed / A": "nothing may have failed of the order that is looked at",
	}
}

// panelQuery is one query of a dashboard.
type panelQuery struct {
	name string // dashboard, panel and refId
	// One of these is set.
	promQL, sql string
}

// readDashboards returns every query of every panel, and of every variable.
func readDashboards(t *testing.T) []panelQuery {
	t.Helper()
	paths, err := filepath.Glob("../../dashboards/grafana/*.json")
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	var all []panelQuery
	for _, path := range paths {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		var board struct {
			Panels     []panel `json:"panels"`
			Templating struct {
				List []struct {
					Name, Type string
					Query      any
				} `json:"list"`
			} `json:"templating"`
		}
		require.NoError(t, json.Unmarshal(text, &board), path)
		name := strings.TrimSuffix(filepath.Base(path), ".json")
		for _, p := range board.Panels {
			all = append(all, p.queries(name)...)
		}
		values := regexp.MustCompile(`^label_values\((\w+), (\w+)\)$`)
		for _, v := range board.Templating.List {
			asked := panelQuery{name: name + " / $" + v.Name}
			switch query := v.Query.(type) {
			case map[string]any:
				m := values.FindStringSubmatch(query["query"].(string))
				require.NotNil(t, m, "%s: %v", asked.name, query)
				asked.promQL = "count by (" + m[2] + ") (" + m[1] + ")"
			case string:
				asked.sql = query
			}
			if v.Type == "query" {
				all = append(all, asked)
			}
		}
	}
	return all
}

type panel struct {
	Title   string `json:"title"`
	Panels  []panel
	Targets []struct {
		RefID  string `json:"refId"`
		Expr   string `json:"expr"`
		RawSQL string `json:"rawSql"`
	} `json:"targets"`
}

func (p panel) queries(board string) []panelQuery {
	var all []panelQuery
	for _, inner := range p.Panels { // of a row
		all = append(all, inner.queries(board)...)
	}
	for _, target := range p.Targets {
		if target.Expr != "" || target.RawSQL != "" {
			all = append(all, panelQuery{board + " / " + p.Title + " / " + target.RefID, target.Expr, target.RawSQL})
		}
	}
	return all
}

// viewer asks what dashboards ask, until each query has returned something.
type viewer struct {
	s      system
	ledger *pgx.Conn
	left   map[string]panelQuery
	begun  time.Time
	// key and flow are what the variables of the page of one flow are set to.
	key, flow string
}

func (s system) newViewer(t *testing.T) *viewer {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), s.LedgerURL()) // as Grafana's own user
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(t.Context()) })
	v := &viewer{s: s, ledger: conn, left: map[string]panelQuery{}, begun: time.Now()}
	for _, q := range readDashboards(t) {
		require.NotContains(t, v.left, q.name)
		v.left[q.name] = q
	}
	return v
}

// show sets the page of one flow to an order.
func (v *viewer) show(t *testing.T, key string) {
	t.Helper()
	v.key = key
	require.NoError(t, v.ledger.QueryRow(t.Context(), "SELECT id FROM flows WHERE key = $1", key).Scan(&v.flow))
}

// closeAnother has a stalled order closed by hand that the alert does not name.
func (v *viewer) closeAnother(t *testing.T, named map[string]string) {
	t.Helper()
	rows, err := v.ledger.Query(t.Context(), "SELECT key, id FROM flows WHERE status = 'stalled' ORDER BY listed_at")
	require.NoError(t, err)
	var key, flow string
	_, err = pgx.ForEachRow(rows, []any{&key, &flow}, func() error { return nil })
	require.NoError(t, err)
	require.NotEmpty(t, flow)
	require.NotContains(t, named, key, "the last one that stopped is not among the oldest")
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, v.s.URL("OBSERVER_PORT")+"/api/v1/flows/"+flow+"/close",
		strings.NewReader(`{"reason": "paid in cash", "by": "ada"}`))
	require.NoError(t, err)
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	require.Equal(t, 2, response.StatusCode/100, response.Status)
}

// look asks what has returned nothing so far.
func (v *viewer) look(t *testing.T) {
	t.Helper()
	for name, q := range v.left {
		found := 0
		if q.promQL != "" {
			found = len(v.s.ask(t, fillPromQL(q.promQL)))
		} else {
			rows, err := v.ledger.Query(t.Context(), v.fillSQL(q.sql), pgx.QueryExecModeSimpleProtocol)
			require.NoError(t, err, name)
			for rows.Next() {
				found++
			}
			require.NoError(t, rows.Err(), "%s: %s", name, v.fillSQL(q.sql))
		}
		if found > 0 {
			delete(v.left, name)
		}
	}
}

// fillPromQL does what Grafana does: a variable that stands for all values is
// its allValue, and $__rate_interval is at least four scrapes, each 5 s apart, as
// the data source says.
func fillPromQL(query string) string {
	query = strings.ReplaceAll(query, "$__rate_interval", "20s")
	return regexp.MustCompile(`\$(choreography|job|service|vhost)\b`).ReplaceAllString(query, ".*")
}

// fillSQL does what Grafana does: sqlstring quotes, regex gives an expression,
// and times are in milliseconds.
func (v *viewer) fillSQL(query string) string {
	quote := func(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }
	from, to := v.begun.Add(-time.Hour), time.Now().Add(time.Minute)
	query = strings.NewReplacer(
		"${key:sqlstring}", quote(v.key), "${flow:sqlstring}", quote(v.flow),
		"${choreography:regex}", ".*", "${service:regex}", ".*",
		"$__from", strconv.FormatInt(from.UnixMilli(), 10), "$__to", strconv.FormatInt(to.UnixMilli(), 10),
	).Replace(query)
	return regexp.MustCompile(`\$__timeFilter\(([^)]*)\)`).ReplaceAllString(query,
		"$1 BETWEEN "+quote(from.Format(time.RFC3339))+" AND "+quote(to.Format(time.RFC3339)))
}

// finish holds the run to what is listed.
func (v *viewer) finish(t *testing.T) {
	t.Helper()
	known := make(map[string]bool)
	for _, q := range readDashboards(t) {
		known[q.name] = true
	}
	for name := range silent() {
		require.True(t, known[name], "there is no query %s any more", name)
		if _, left := v.left[name]; !left {
			t.Logf("%s returned something in this run", name)
		}
		delete(v.left, name)
	}
	require.Empty(t, v.left, "queries that returned nothing at any moment")
}
