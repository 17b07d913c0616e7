package dashboards_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/laban-io/laban/dashboards/internal/grafana"
	"github.com/laban-io/laban/internal/testenv"
)

func encode(t *testing.T, d grafana.Dashboard) string {
	t.Helper()
	text, err := grafana.Encode(&d)
	require.NoError(t, err)
	return string(text)
}

func TestDashboardsAreAsTheCodeMakesThem(t *testing.T) {
	files, err := filepath.Glob("grafana/*.json")
	require.NoError(t, err)
	require.Len(t, files, len(grafana.All()))
	for _, board := range grafana.All() {
		kept, err := os.ReadFile(filepath.Join("grafana", grafana.File(&board)))
		require.NoError(t, err)
		require.Equal(t, encode(t, board), string(kept), "run go generate ./dashboards")
	}
}

// The rules are those of Grafana's dashboard-linter, and some of our own.
func TestDashboardsKeepToTheConventions(t *testing.T) {
	known := exported(t)
	uids := map[string]bool{}
	for _, board := range grafana.All() {
		require.False(t, uids[board.UID], "two have the uid %s", board.UID)
		uids[board.UID] = true
	}
	for _, board := range grafana.All() {
		t.Run(board.UID, func(t *testing.T) {
			require.NotEmpty(t, board.Description)
			require.False(t, board.Editable, "what is edited in a browser is lost")
			variables := map[string]grafana.Variable{}
			for _, v := range board.Templating.List {
				require.NotEmpty(t, v.Label, v.Name)
				require.NotEmpty(t, v.Description, v.Name)
				variables[v.Name] = v
				if definition := v.Definition; strings.HasPrefix(definition, "label_values(") {
					selector, _, _ := strings.Cut(strings.TrimPrefix(definition, "label_values("), ",")
					for _, name := range metricsIn(t, selector) {
						require.True(t, known[name], name)
					}
				}
			}
			ids := map[int]bool{}
			var placed []grafana.Panel
			for _, p := range board.Panels {
				require.False(t, ids[p.ID])
				ids[p.ID] = true
				require.NotEmpty(t, p.Title)
				for _, other := range placed {
					require.False(t, overlap(p.Grid, other.Grid), "%s and %s overlap", p.Title, other.Title)
				}
				require.LessOrEqual(t, p.Grid.X+p.Grid.W, 24, p.Title)
				require.Positive(t, p.Grid.W, p.Title)
				placed = append(placed, p)
				if p.Type == "row" {
					continue
				}
				require.Contains(t, []string{"stat", "timeseries", "heatmap", "table", "bargauge", "traces", "nodeGraph", "text"}, p.Type)
				require.Regexp(t, `\.$`, p.Description, p.Title)
				if p.Type == "text" {
					continue
				}
				require.NotEmpty(t, p.Fields.Defaults.Unit, p.Title)
				require.NotEmpty(t, p.Fields.Defaults.NoValue, p.Title)
				require.NotEmpty(t, p.Fields.Defaults.Thresholds.Steps, p.Title)
				require.NotEmpty(t, p.Targets, p.Title)
				for _, target := range p.Targets {
					require.Regexp(t, `^\$\{\w+\}$`, target.Datasource.UID, "a variable")
					require.Contains(t, variables, strings.Trim(target.Datasource.UID, "${}"), p.Title)
					checkQuery(t, &p, &target, known)
				}
			}
			text := encode(t, board)
			for _, link := range regexp.MustCompile(`"/d/([a-z-]+)\?`).FindAllStringSubmatch(text, -1) {
				require.True(t, uids[link[1]], "there is no dashboard %s", link[1])
			}
			for _, name := range regexp.MustCompile(`\$\{?([a-z][a-z_]*)\b`).FindAllStringSubmatch(text, -1) {
				require.Contains(t, variables, name[1], "a variable that is not there")
			}
		})
	}
}

func overlap(a, b grafana.Grid) bool {
	return a.X < b.X+b.W && b.X < a.X+a.W && a.Y < b.Y+b.H && b.Y < a.Y+a.H
}

func checkQuery(t *testing.T, p *grafana.Panel, target *grafana.Target, known map[string]bool) {
	t.Helper()
	if target.Expr == "" {
		require.True(t, target.SQL != "" || target.Query != "" || target.QueryType == "search", "%s asks nothing", p.Title)
		return
	}
	require.NotEmpty(t, target.Legend, p.Title)
	require.NotRegexp(t, `(rate|irate)\([^)]*\[\d`, target.Expr, "rates are over $__rate_interval")
	for _, name := range metricsIn(t, asPrometheus(target.Expr)) {
		require.True(t, known[name], "%s reads %s, which nobody exports", p.Title, name)
	}
}

// asPrometheus fills in a query's variables and macros as Grafana does where all
// is chosen.
func asPrometheus(expr string) string {
	return regexp.MustCompile(`\$\w+`).ReplaceAllStringFunc(expr, func(name string) string {
		if name == "$__rate_interval" {
			return "1m"
		}
		return ".*"
	})
}

// asPostgres does so for the ledger, where order 1042 was typed in.
func asPostgres(sql string, from, to time.Time) string {
	sql = regexp.MustCompile(`\$__timeFilter\(([^)]*)\)`).ReplaceAllString(sql,
		fmt.Sprintf("$1 BETWEEN '%s' AND '%s'", from.UTC().Format(time.RFC3339Nano), to.UTC().Format(time.RFC3339Nano)))
	return strings.NewReplacer(
		"$__from", fmt.Sprint(from.UnixMilli()), "$__to", fmt.Sprint(to.UnixMilli()),
		"${choreography:regex}", ".*", "${service:regex}", ".*", "${key:sqlstring}", "'1042'", "${flow:sqlstring}", "'F1042'",
	).Replace(sql)
}

func TestQueriesOfTheLedgerFindWhatIsThere(t *testing.T) {
	url := testenv.PostgreSQL(t)
	fill(t, url)
	ctx := t.Context()
	conn, err := pgx.Connect(ctx, url)
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close(ctx)) }()
	_, err = conn.Exec(ctx, "SET default_transaction_read_only = on")
	require.NoError(t, err)
	asked := 0
	ask := func(name, sql string) (columns []string, rows [][]any) {
		asked++
		sql = asPostgres(sql, time.Now().Add(-time.Hour), time.Now())
		require.NotRegexp(t, `\$[\w{]`, sql, "%s: a macro that this test does not know", name)
		found, err := conn.Query(ctx, sql)
		require.NoError(t, err, name)
		for _, field := range found.FieldDescriptions() {
			columns = append(columns, field.Name)
		}
		for found.Next() {
			values, err := found.Values()
			require.NoError(t, err, name)
			rows = append(rows, values)
		}
		require.NoError(t, found.Err(), "%s: %s", name, sql)
		require.NotEmpty(t, rows, "%s finds nothing", name)
		return columns, rows
	}
	for _, board := range grafana.All() {
		for _, v := range board.Templating.List {
			if v.Datasource != nil && v.Datasource.UID == "${postgres}" {
				ask("variable "+v.Name, v.Definition)
			}
		}
		for _, p := range board.Panels {
			for _, target := range p.Targets {
				if target.SQL == "" {
					continue
				}
				columns, rows := ask(p.Title, target.SQL)
				for _, o := range p.Fields.Overrides {
					require.Contains(t, columns, o.Matcher.Options, "%s dresses a column that is not there", p.Title)
				}
				for _, name := range regexp.MustCompile(`__data\.fields\.(\w+)`).FindAllStringSubmatch(fmt.Sprint(p.Fields.Overrides), -1) {
					require.Contains(t, columns, name[1], "%s links by a column that is not there", p.Title)
				}
				if p.Title == "What is stuck" {
					require.Len(t, rows, 1)
					require.Equal(t, []any{"1042", "payment", "payment.confirmed", "parked"}, rows[0][:4])
				}
			}
		}
	}
	require.Greater(t, asked, 8)
}

// What provisions Grafana has to fit: the folder, the sources, their uids.
func TestProvisioningIsWhole(t *testing.T) {
	var sources struct {
		Datasources []struct {
			UID, Type, URL string
			JSON           map[string]any `yaml:"jsonData"`
		}
	}
	text, err := os.ReadFile("grafana/provisioning/datasources/laban.yaml")
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(text, &sources))
	require.Contains(t, string(text), "password: $GRAFANA_DB_PASSWORD\n", "a secret is not in a file")
	types := map[string]string{}
	for _, s := range sources.Datasources {
		types[s.UID] = s.Type
		require.NotEmpty(t, s.URL)
	}
	require.Equal(t, map[string]string{"laban-prometheus": "prometheus", "laban-jaeger": "jaeger", "laban-ledger": "postgres"}, types)
	// Sources refer to each other by uids that there are.
	for _, uid := range regexp.MustCompile(`(?i)datasourceUid: (\S+)`).FindAllStringSubmatch(string(text), -1) {
		require.Contains(t, types, uid[1])
	}
	var known = exported(t)
	for _, query := range regexp.MustCompile(`(?m)^ +query: '(.*)'$`).FindAllStringSubmatch(string(text), -1) {
		for _, name := range metricsIn(t, strings.NewReplacer("$$__rate_interval", "1m", "$$__tags", `job="x"`).Replace(query[1])) {
			require.True(t, known[name], name)
		}
	}
	text, err = os.ReadFile("grafana/provisioning/dashboards/laban.yaml")
	require.NoError(t, err)
	require.Contains(t, string(text), "path: $GF_PATHS_PROVISIONING/..\n")
}
