package flow_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/laban-io/laban/pkg/choreography"
	"github.com/laban-io/laban/pkg/flow"
)

func orderOutcomes() choreography.Outcomes { return orderContract().Outcomes }

func TestAJourneySharesOutTheTime(t *testing.T) {
	at := func(ms int) time.Time {
		return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC).Add(time.Duration(ms) * time.Millisecond)
	}
	const ms = time.Millisecond
	fast := time.Hour // how far inventory's clock is ahead
	passages := []flow.Passage{
		{Number: 1, Type: "order.placed", Source: "order", Time: at(0), At: at(0)},
		// Received after 30 ms, made after 50, published after 90.
		{Number: 2, Cause: 1, Type: "stock.confirmed", Source: "inventory", TriggerTime: at(30).Add(fast), Time: at(50).Add(fast), At: at(90)},
		{Number: 3, Cause: 1, Type: "notification.sent", Source: "notification", At: at(95)},
		{Number: 4, Cause: 2, Type: "payment.confirmed", Source: "payment", TriggerTime: at(100), Time: at(140), At: at(140), Inferred: true},
		{Number: 5, Cause: 4, Type: "order.shipped", Source: "delivery", TriggerTime: at(150), Time: at(170), At: at(171)},
		{Number: 6, Cause: 5, Type: "notification.sent", Source: "notification", At: at(900)},
	}
	slices.Reverse(passages) // the order makes no difference
	j := flow.NewJourney(passages, []flow.Clock{{Service: "inventory", Offset: fast}}, orderOutcomes())
	require.Equal(t, []flow.Edge{
		{From: 1, To: 2, Total: 90 * ms, Queue: 30 * ms, Hand: 20 * ms, Relay: 40 * ms, HandKnown: true},
		{From: 1, To: 3, Total: 95 * ms, Queue: 95 * ms},
		{From: 2, To: 4, Total: 50 * ms, Queue: 10 * ms, Hand: 40 * ms, HandKnown: true, Inferred: true},
		{From: 4, To: 5, Total: 31 * ms, Queue: 10 * ms, Hand: 20 * ms, Relay: 1 * ms, HandKnown: true},
		{From: 5, To: 6, Total: 729 * ms, Queue: 729 * ms},
	}, j.Edges)
	require.Equal(t, []int{1, 2, 4, 5}, j.Critical)
	require.Equal(t, 171*ms, j.Total)
	require.Equal(t, []time.Duration{50 * ms, 80 * ms, 41 * ms}, []time.Duration{j.Queue, j.Hand, j.Relay})
	require.True(t, j.HandKnown)
}

func TestAClockThatNobodyKnowsSaysNothingOfTheRelay(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, skew := range []time.Duration{-time.Hour, time.Hour} {
		j := flow.NewJourney([]flow.Passage{
			{Number: 1, Type: "order.placed", At: at},
			{Number: 2, Cause: 1, Type: "order.shipped", TriggerTime: at.Add(skew + 10*time.Millisecond), Time: at.Add(skew + 30*time.Millisecond), At: at.Add(30 * time.Millisecond)},
		}, nil, orderOutcomes())
		require.Equal(t, flow.Edge{
			From: 1, To: 2, Total: 30 * time.Millisecond, Queue: 10 * time.Millisecond, Hand: 20 * time.Millisecond, HandKnown: true,
		}, j.Edges[0], "%s", skew)
	}
}

func TestTimeInHandIsNeverMoreThanTheLogAllows(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	make2 := func(trigger, made time.Duration) flow.Edge {
		return flow.NewJourney([]flow.Passage{
			{Number: 1, Type: "order.placed", At: at},
			{Number: 2, Cause: 1, Type: "order.shipped", TriggerTime: at.Add(trigger), Time: at.Add(made), At: at.Add(time.Second)},
		}, nil, orderOutcomes()).Edges[0]
	}
	require.Equal(t, flow.Edge{From: 1, To: 2, Total: time.Second, Hand: time.Second, HandKnown: true, HandCut: true}, make2(-time.Hour, time.Second))
	require.Equal(t, flow.Edge{From: 1, To: 2, Total: time.Second, Queue: time.Second}, make2(2*time.Second, time.Second), "the clock was set back")
}

func TestAJourneyEndsWhereCausesAreNotKnown(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	require.Equal(t, flow.Journey{}, flow.NewJourney(nil, nil, orderOutcomes()))

	j := flow.NewJourney([]flow.Passage{{Number: 1, Type: "order.placed", At: at}}, nil, orderOutcomes())
	require.Empty(t, j.Critical, "no outcome yet")
	require.False(t, j.HandKnown)

	j = flow.NewJourney([]flow.Passage{
		{Number: 2, Cause: 3, Type: "stock.confirmed", At: at},
		{Number: 3, Cause: 2, Type: "order.shipped", At: at.Add(time.Second)},
		{Number: 4, Cause: 4, Type: "notification.sent", At: at.Add(time.Second)},
		{Number: 5, Cause: 77, Type: "notification.sent", At: at.Add(time.Second)},
	}, nil, orderOutcomes())
	require.Equal(t, []int{2, 3}, j.Critical, "round in a circle")
	require.Len(t, j.Edges, 2)
	require.Equal(t, time.Second, j.Total)
}

// No clock, right or wrong by an hour, known or not, makes a part negative or the
// parts differ from the log time.
func TestPartsOfAJourneySumUp(t *testing.T) {
	types := []string{"order.placed", "stock.confirmed", "payment.confirmed", "order.shipped", "notification.sent"}
	rapid.Check(t, func(t *rapid.T) {
		begin := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
		span := func(label string, most time.Duration) time.Duration {
			return time.Duration(rapid.Int64Range(-int64(most), int64(most)).Draw(t, label))
		}
		services := []string{"a", "b", "c"}
		skew := make(map[string]time.Duration)
		var clocks []flow.Clock
		for _, s := range services {
			skew[s] = span("skew of "+s, time.Hour)
			if rapid.Bool().Draw(t, "known "+s) {
				clocks = append(clocks, flow.Clock{Service: s, Offset: skew[s] + span("error of "+s, time.Second)})
			}
		}
		n := rapid.IntRange(0, 12).Draw(t, "events")
		passages := make([]flow.Passage, n)
		at := begin
		for i := range passages {
			at = at.Add(span("step", 3*time.Second))
			p := &passages[i]
			*p = flow.Passage{
				Number: i + 1, Cause: rapid.IntRange(0, n+1).Draw(t, "cause"), At: at,
				Type: rapid.SampledFrom(types).Draw(t, "type"), Source: rapid.SampledFrom(services).Draw(t, "source"),
			}
			if rapid.Bool().Draw(t, "time") {
				p.Time = at.Add(skew[p.Source] - span("relay", 2*time.Second))
			}
			if rapid.Bool().Draw(t, "trigger") {
				p.TriggerTime = at.Add(skew[p.Source] - span("hand", 4*time.Second))
			}
		}
		j := flow.NewJourney(passages, clocks, orderOutcomes())
		leading := make(map[int]flow.Edge)
		for _, e := range j.Edges {
			leading[e.To] = e
			for _, part := range []time.Duration{e.Total, e.Queue, e.Hand, e.Relay} {
				if part < 0 {
					t.Fatalf("negative: %+v", e)
				}
			}
			if e.Queue+e.Hand+e.Relay != e.Total {
				t.Fatalf("the parts do not sum up: %+v", e)
			}
			if want := max(passages[e.To-1].At.Sub(passages[e.From-1].At), 0); e.Total != want {
				t.Fatalf("%+v took %s in log time", e, want)
			}
			to := passages[e.To-1]
			if hand := to.Time.Sub(to.TriggerTime); e.HandKnown && !e.HandCut && e.Hand != hand {
				t.Fatalf("the clock measured %s: %+v", hand, e)
			}
		}
		var total, parts time.Duration
		for i, number := range j.Critical {
			if i > 0 {
				e := leading[number]
				if e.From != j.Critical[i-1] {
					t.Fatalf("%v is no chain", j.Critical)
				}
				total += e.Total
				parts += e.Queue + e.Hand + e.Relay
			}
		}
		if total != j.Total || parts != j.Queue+j.Hand+j.Relay || total != parts {
			t.Fatalf("the critical path takes %s and its parts %s: %+v", total, parts, j)
		}
	})
}
