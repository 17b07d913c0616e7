package metrics_test

import (
	"flag"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/observer/marker"
	"github.com/laban-io/laban/internal/observer/metrics"
	"github.com/laban-io/laban/pkg/choreography"
	"github.com/laban-io/laban/pkg/flow"
)

var update = flag.Bool("update", false, "write the golden files anew")

// noon is a log time.
var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

// contract is a small one, with all kinds of step.
func contract() *choreography.Choreography {
	return &choreography.Choreography{
		Name: "order", Starts: []string{"order.placed"},
		Reactions: []choreography.Reaction{
			{Services: []string{"order"}, Emits: []string{"order.placed"}},
			{Services: []string{"payment"}, On: choreography.Trigger{Any: []string{"order.placed"}}, Emits: []string{"payment.confirmed", "payment.rejected"}},
			{Services: []string{"mailer"}, On: choreography.Trigger{Any: []string{"order.placed"}}, Emits: []string{"mail.sent"}, Name: "mail", Side: true},
			{Services: []string{"survey"}, On: choreography.Trigger{Any: []string{"order.placed"}}, Emits: []string{"opinion.given"}, Optional: true},
			{Services: []string{"audit"}, On: choreography.Trigger{Any: []string{"order.placed"}}},
		},
	}
}

// pay is what payment owes.
var pay = flow.Due{Step: "payment.confirmed|payment.rejected", Service: "payment", On: "order.placed"}

// of returns a transition of flow 1042.
func of(kind flow.Kind, change func(*flow.Transition)) flow.Transition {
	t := flow.Transition{
		Kind: kind, Choreography: "order", FlowID: "F1042", Key: "1042", At: noon, Offset: 1,
		FlowTrace: [16]byte{1}, Trace: flow.Trace{TraceID: [16]byte{1}, SpanID: [8]byte{2}, Sampled: true},
	}
	if change != nil {
		change(&t)
	}
	return t
}

// history is one of everything.
func history() []flow.Transition {
	late := func(t *flow.Transition) { t.Due, t.Finding = pay, flow.Finding{Cause: flow.NoConsumer} }
	return []flow.Transition{
		of(flow.Started, nil),
		of(flow.Paid, func(t *flow.Transition) { t.Due, t.Duration = pay, 30*time.Millisecond }),
		of(flow.Paid, func(t *flow.Transition) { t.Due, t.Duration = pay, 2*time.Hour }),
		of(flow.Overdue, late),
		of(flow.Changed, func(t *flow.Transition) { t.To, t.Spoiled = flow.Stalled, true }),
		of(flow.Reasoned, late),
		of(flow.Recovered, late),
		of(flow.Changed, func(t *flow.Transition) { t.To = flow.Stalled }),
		of(flow.Overdue, func(t *flow.Transition) {
			t.Due, t.Finding, t.Trace, t.FlowTrace = pay, flow.Finding{Cause: flow.Parked}, flow.Trace{}, [16]byte{}
		}),
		of(flow.Deviated, func(t *flow.Transition) { t.Deviation = flow.Late }),
		of(flow.Ended, func(t *flow.Transition) { t.To, t.Duration = flow.Completed, 3*time.Second }),
		of(flow.Ended, func(t *flow.Transition) { t.To, t.Duration, t.Again = flow.Completed, 4*time.Second, true }),
		of(flow.Ended, func(t *flow.Transition) { t.To, t.Duration, t.Clean = flow.Failed, 5*time.Second, true }),
		of(flow.Changed, func(t *flow.Transition) { t.From, t.To = flow.Running, flow.Inconsistent }),
		of(flow.Ended, func(t *flow.Transition) { t.To, t.Duration = flow.Inconsistent, 6*time.Second }),
		of(flow.Forgotten, nil),
	}
}

// survey is what there is in the tracker.
func survey() flow.Survey {
	count := func(cause flow.Cause, side bool, n int, examples ...flow.StallExample) flow.StallCount {
		return flow.StallCount{Choreography: "order", Step: pay.Step, Service: "payment", Cause: cause, Side: side, Count: n, Examples: examples}
	}
	x := func(key string, seconds int) flow.StallExample {
		return flow.StallExample{FlowID: "F" + key, Key: key, Trace: [16]byte{byte(seconds)}, Since: noon.Add(time.Duration(seconds) * time.Second)}
	}
	return flow.Survey{
		Flows: []flow.FlowCount{{Choreography: "order", Status: flow.Running, Count: 7}, {Choreography: "order", Status: flow.Stalled, Count: 4}},
		Stalled: []flow.StallCount{
			count(flow.NoConsumer, false, 5, x("1", 1), x("1", 1), x("3", 3)),
			count(flow.NoConsumer, true, 2, x("2", 2), x("4", 4)),
			count(flow.Parked, false, 1, flow.StallExample{FlowID: "F9", Key: "9", Since: noon}),
		},
		Oldest: []flow.OldestObligation{{Choreography: "order", Step: pay.Step, Service: "payment", Since: noon}},
	}
}

func live() metrics.Live {
	return metrics.Live{
		Lag: 250 * time.Millisecond, LastPulse: noon, Blind: "lag",
		Clocks:  []flow.Clock{{Service: "payment", Offset: -2 * time.Second}, {Service: "a-stranger", Offset: time.Hour}},
		Markers: marker.Stats{Backlog: 1, Exported: 2, Rejected: 3, Failures: 4},
	}
}

// collect returns an active collector that has nothing behind it.
func collect() *metrics.Collector {
	c := metrics.New(metrics.Config{
		Survey: survey, Live: live, BlindReasons: []string{"unreachable", "lag"}, MalformedReasons: []string{"envelope"},
	})
	c.SetContracts([]*choreography.Choreography{contract()})
	c.SetActive(true)
	return c
}

// counted returns a collector of history.
func counted() *metrics.Collector {
	c := collect()
	c.Apply(history())
	c.Observed(flow.Claimed)
	c.Observed(flow.NoKey)
	c.Malformed("mapping")
	c.Gap()
	return c
}

// scrape returns what Prometheus gets.
func scrape(t testing.TB, c prometheus.Collector, accept string) string {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	require.NoError(t, registry.Register(c))
	request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", http.NoBody)
	request.Header.Set("Accept", accept)
	response := httptest.NewRecorder()
	promhttp.HandlerFor(registry, promhttp.HandlerOpts{EnableOpenMetrics: true}).ServeHTTP(response, request)
	body, err := io.ReadAll(response.Result().Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, response.Code, "%s", body)
	return string(body)
}

const (
	classic     = "text/plain; version=0.0.4"
	openMetrics = "application/openmetrics-text; version=1.0.0"
)

func TestExposition(t *testing.T) {
	for name, accept := range map[string]string{"classic.txt": classic, "openmetrics.txt": openMetrics} {
		t.Run(name, func(t *testing.T) {
			got := scrape(t, counted(), accept)
			path := filepath.Join("testdata", name)
			if *update {
				require.NoError(t, os.WriteFile(path, []byte(got), 0o600))
			}
			want, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Empty(t, cmp.Diff(string(want), got))
		})
	}
}

func TestNamesFollowPrometheusRules(t *testing.T) {
	problems, err := testutil.CollectAndLint(counted())
	require.NoError(t, err)
	require.Empty(t, problems)
}

// values returns the samples of one metric.
func values(exposed, name string) map[string]string {
	found := map[string]string{}
	for line := range strings.Lines(exposed) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, name+"{") && !strings.HasPrefix(line, name+" ") {
			continue
		}
		at := strings.LastIndexByte(line, ' ')
		found[strings.TrimPrefix(line[:at], name)] = line[at+1:]
	}
	return found
}

func TestWhatAContractCanCountIsThereFromTheStart(t *testing.T) {
	text := scrape(t, collect(), classic)
	require.Equal(t, map[string]string{`{choreography="order"}`: "0"}, values(text, "laban_flows_started_total"))
	require.Len(t, values(text, "laban_flows_finished_total"), 3)
	require.Len(t, values(text, "laban_deviations_total"), len(flow.Deviations()))
	require.Len(t, values(text, "laban_step_duration_seconds_count"), 3, "payment, mailer and survey")
	require.Equal(t, map[string]string{`{reason="envelope"}`: "0"}, values(text, "laban_records_malformed_total"))
	stalls := values(text, "laban_stalls_total")
	require.Len(t, stalls, 2*(len(flow.Causes())-1)+5, "payment and mailer for each cause, and dead ends after each who emits, or a stranger")
	require.Equal(t, "0", stalls[`{cause="parked",choreography="order",service="payment",step="payment.confirmed|payment.rejected"}`])
	require.Equal(t, "0", stalls[`{cause="dead-end",choreography="order",service="",step="dead-end"}`])
}

func TestAStandbyExportsNoFlows(t *testing.T) {
	c := counted()
	c.SetActive(false)
	names := map[string]bool{}
	for line := range strings.Lines(scrape(t, c, classic)) {
		if fields := strings.Fields(line); fields[0] == "#" {
			names[fields[2]] = true
		}
	}
	require.Equal(t, map[string]bool{"laban_observer_active": true, "laban_observer_blind": true}, names)
	c.SetActive(true)
	require.Equal(t, "1", values(scrape(t, c, classic), "laban_flows_started_total")[`{choreography="order"}`], "it has counted all the same")
}

func TestHostileNamesFailNoScrape(t *testing.T) {
	c := metrics.New(metrics.Config{
		Survey: func() flow.Survey {
			s := survey()
			for i := range s.Stalled {
				s.Stalled[i].Step, s.Stalled[i].Choreography = "a\xff", "\xfe"
				for j := range s.Stalled[i].Examples {
					s.Stalled[i].Examples[j].Key = strings.Repeat("é", 5000)
					s.Stalled[i].Examples[j].FlowID = string([]byte{0xff, byte(0xf0 + j)})
				}
			}
			s.Flows[0].Choreography = "\xff"
			s.Oldest[0].Service = "\xff\n\"}"
			s.Oldest = append(s.Oldest, s.Oldest[0])
			s.Oldest[1].Service = "\xfe\n\"}"
			return s
		},
		Live: func() metrics.Live {
			l := live()
			l.Blind = "a reason of which nobody knew"
			return l
		},
		BlindReasons: []string{"lag", "lag"},
	})
	c.SetActive(true)
	for _, bad := range []string{"\xff", "\xfe", "a\nb\"", strings.Repeat("x", 1<<20)} {
		ts := history()
		for i := range ts {
			ts[i].Choreography, ts[i].Due.Step, ts[i].Due.Service = bad, bad, bad
		}
		c.Apply(ts)
		c.Malformed(bad)
	}
	text := scrape(t, c, openMetrics)
	require.Equal(t, "1.0", values(text, "laban_observer_blind")[`{reason="other"}`])
	require.Less(t, len(text), 1<<20)
	require.NoError(t, c.Restore(c.State()))
}

func TestWhatDoesNotFitIsCountedAsOther(t *testing.T) {
	c := collect()
	var ts []flow.Transition
	for i := range 20_000 {
		ts = append(ts,
			of(flow.Paid, func(t *flow.Transition) { t.Due = flow.Due{Step: time.Duration(i).String(), Service: "s"} }),
			of(flow.Started, func(t *flow.Transition) { t.Choreography = time.Duration(i).String() }))
		c.Malformed(time.Duration(i).String())
	}
	c.Apply(ts)
	text := scrape(t, c, classic)
	require.Equal(t, "10000", values(text, "laban_step_duration_seconds_count")[`{choreography="other",service="other",step="other"}`])
	require.Equal(t, "19000", values(text, "laban_flows_started_total")[`{choreography="other"}`])
	require.Equal(t, "19968", values(text, "laban_records_malformed_total")[`{reason="other"}`])
	require.NoError(t, c.Restore(c.State()))
}

func TestCountingAndScrapingAtTheSameTime(t *testing.T) {
	c := collect()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 200 {
			c.Apply(history())
			c.State()
		}
	}()
	for range 20 {
		_, err := testutil.CollectAndLint(c)
		require.NoError(t, err)
	}
	<-done
	require.Equal(t, "200", values(scrape(t, c, classic), "laban_flows_started_total")[`{choreography="order"}`])
}

// An order that was shipped and is then canceled is inconsistent, and ends for
// the second time a moment later: no count of first ends has it, and no gauge
// that is scraped each few seconds.
func TestWhatContradictsAnEndIsCounted(t *testing.T) {
	c := collect()
	c.Apply([]flow.Transition{
		of(flow.Ended, func(t *flow.Transition) { t.To, t.Clean = flow.Completed, true }),
		of(flow.Changed, func(t *flow.Transition) {
			t.From, t.To, t.At = flow.Completed, flow.Inconsistent, noon.Add(time.Minute)
		}),
		of(flow.Ended, func(t *flow.Transition) { t.To, t.Again = flow.Inconsistent, true }),
	})
	text := scrape(t, c, classic)
	require.Equal(t, "0", values(text, "laban_flows_finished_total")[`{choreography="order",outcome="inconsistent"}`])
	require.Equal(t, "1", values(text, "laban_flows_inconsistent_total")[`{choreography="order"}`])
	require.Equal(t, map[string]string{
		`{choreography="order",flow_id="F1042",key="1042",trace_id="01000000000000000000000000000000"}`: "1.77262566e+09",
	}, values(text, "laban_flow_inconsistent_example_timestamp_seconds"))
}

// However many there are, three are named: the last ones, each once.
func TestTheLastFlowsThatBecameInconsistentAreNamed(t *testing.T) {
	c := collect()
	var ts []flow.Transition
	for i, id := range []string{"F1", "F2", "F3", "F4", "F3", "F5"} {
		ts = append(ts, of(flow.Changed, func(t *flow.Transition) {
			t.To, t.FlowID, t.Key, t.At = flow.Inconsistent, id, id, noon.Add(time.Duration(i)*time.Second)
		}))
	}
	c.Apply(ts)
	named := values(scrape(t, c, classic), "laban_flow_inconsistent_example_timestamp_seconds")
	require.Len(t, named, 3)
	for _, id := range []string{"F3", "F4", "F5"} {
		require.Contains(t, named, `{choreography="order",flow_id="`+id+`",key="`+id+`",trace_id="01000000000000000000000000000000"}`)
	}
}
