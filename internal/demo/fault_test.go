package demo

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/testenv"
	"github.com/laban-io/laban/pkg/flow"
)

func TestParseFaults(t *testing.T) {
	got, err := ParseFaults("hang=payment@5s, die=inventory@10s/5s,drop=2%,park=delivery:0.5%,fail=payment@1s*3")
	require.NoError(t, err)
	require.Equal(t, []Fault{
		{Kind: Hang, Service: "payment", At: 5 * time.Second, Times: 1},
		{Kind: Die, Service: "inventory", At: 10 * time.Second, For: 5 * time.Second, Times: 1},
		{Kind: Drop, Rate: 0.02, Times: 1},
		{Kind: Park, Service: "delivery", Rate: 0.005, Times: 1},
		{Kind: Fail, Service: "payment", At: time.Second, Times: 3},
	}, got)
	require.Equal(t, "hang=payment@5s,die=inventory@10s/5s,drop=2%,park=delivery:0.5%,fail=payment@1s*3", faultsText(got))
	listed, err := ParseFaults(DefaultFaults)
	require.NoError(t, err)
	named, err := ParseFaults(UsualFaults)
	require.NoError(t, err)
	require.Equal(t, listed, named)
}

func TestFaultsThatMakeNoSense(t *testing.T) {
	for text, want := range map[string]string{
		"":                         "is not of the form kind=service@moment",
		"hang":                     "is not of the form kind=service@moment",
		"hnag=payment@5s":          `there is no fault "hnag"; did you mean "hang"?`,
		"explode=payment@5s":       "there are hang, die, drop, park, fail, slow",
		"hang=payment":             "say when, such as hang=payment@5s",
		"hang=paymnet@5s":          `there is no service "paymnet"; did you mean "payment"?`,
		"hang=notification@5s":     "faults are made at inventory, payment, delivery",
		"drop=0%":                  "more than 0 and at most 100 percent",
		"drop=NaN%":                "more than 0 and at most 100 percent",
		"drop=101%":                "more than 0 and at most 100 percent",
		"die=inventory:1%":         "this happens to a service at a moment, such as die=",
		"die=inventory@1s*2":       "is no number of messages to hit",
		"park=payment@1s/2s":       "only die, slow and hang have one",
		"hang=payment@-1s":         "is no moment",
		"hang=payment@1s*0":        "is no number of messages to hit",
		"hang=payment@5s,,drop=2%": "is not of the form",
		"slow=payment:1%":          "this happens to a service at a moment, such as slow=",
		"slow=payment@1s,hang=1%":  "choose one of them for payment",
	} {
		_, err := ParseFaults(text)
		require.ErrorContains(t, err, want, "%q", text)
	}
}

func TestHurryDividesEveryDeadline(t *testing.T) {
	as, err := hurried(1)
	require.NoError(t, err)
	fast, err := hurried(5)
	require.NoError(t, err)
	require.Equal(t, 10*time.Second, deadlinesOf(as)[step{"payment", "stock.confirmed"}])
	require.Equal(t, deadlines{
		{"inventory", "order.placed"}: time.Second, {"payment", "stock.confirmed"}: 2 * time.Second, {"delivery", "payment.confirmed"}: 6 * time.Second,
	}, deadlinesOf(fast))
	for i := range as.Reactions {
		require.Equal(t, as.Reactions[i].Within, 5*fast.Reactions[i].Within)
	}
}

// found makes detections of stalls: order, service, and causes one after the
// other.
func found(stalls ...[]string) *detections {
	d := newDetections()
	for _, s := range stalls {
		for i, name := range s[2:] {
			cause, ok := flow.ParseCause(name)
			if !ok {
				panic(name)
			}
			tr := flow.Transition{Kind: flow.Overdue, Key: s[0], Due: flow.Due{Service: s[1], Step: "answer"}, Finding: flow.Finding{Cause: cause}}
			if i > 0 {
				tr.Kind = flow.Reasoned
			}
			d.apply(&tr)
		}
	}
	return d
}

func TestWhatWasFoundIsHeldAgainstWhatWasDone(t *testing.T) {
	none := func(hitKey) (mine, late bool) { return true, false }
	dropped := hit{hitKey: hitKey{"1", "payment"}, kind: Drop, due: time.Second, over: true}
	for name, c := range map[string]struct {
		hits                       []hit
		found                      *detections
		injected, detected         int
		missed, invented, correctd int
	}{
		"nothing happened": {found: found()},
		"seen":             {[]hit{dropped}, found([]string{"1", "payment", "silent"}), 1, 1, 0, 0, 0},
		"corrected":        {[]hit{dropped}, found([]string{"1", "payment", "taken", "silent"}), 1, 1, 0, 0, 1},
		"another cause":    {[]hit{dropped}, found([]string{"1", "payment", "backlog"}), 1, 0, 1, 0, 0},
		"another owner":    {[]hit{dropped}, found([]string{"1", "delivery", "silent"}), 1, 0, 1, 1, 0},
		"another order":    {[]hit{dropped}, found([]string{"2", "payment", "silent"}), 1, 0, 1, 1, 0},
		"not seen":         {[]hit{dropped}, found(), 1, 0, 1, 0, 0},
		"too short to be seen": {
			[]hit{{hitKey: hitKey{"1", "inventory"}, kind: Die, held: time.Second, due: time.Second, over: true}}, found(), 0, 0, 0, 0, 0,
		},
		"short, and seen": {
			[]hit{{hitKey: hitKey{"1", "inventory"}, kind: Die, held: time.Second, due: time.Second, over: true}},
			found([]string{"1", "inventory", "no-consumer"}), 1, 1, 0, 0, 0,
		},
		"still hanging": {[]hit{{hitKey: hitKey{"1", "payment"}, kind: Hang, due: time.Second}}, found(), 1, 0, 1, 0, 0},
		"hanging when its service went away": {
			[]hit{{hitKey: hitKey{"1", "payment"}, kind: Hang, due: time.Second, wentAway: true}}, found([]string{"1", "payment", "no-consumer"}), 1, 1, 0, 0, 1,
		},
		"short, and late for another reason": {
			[]hit{{hitKey: hitKey{"1", "payment"}, kind: Die, held: time.Second, due: time.Second, over: true}}, found([]string{"1", "payment", "retrying"}), 0, 0, 0, 0, 0,
		},
	} {
		t.Run(name, func(t *testing.T) {
			v := c.found.compare(time.Time{}, c.hits, none, FaultKind.Cause)
			injected, detected, corrected := 0, 0, 0
			for _, k := range v.Kinds {
				injected, detected, corrected = injected+k.Injected, detected+k.Detected, corrected+k.Corrected
			}
			require.Equal(t, []int{c.injected, c.detected, c.missed, c.invented, c.correctd},
				[]int{injected, detected, len(v.Missed), len(v.False), corrected})
			require.Equal(t, c.missed+c.invented == 0, v.OK())
		})
	}
	v := found([]string{"9", "payment", "silent"}).compare(time.Time{}, nil, func(k hitKey) (mine, late bool) { return k.of != "9", false }, FaultKind.Cause)
	require.True(t, v.OK(), "another run's order is none of ours")
	require.Zero(t, v.Stalls)
	v = found([]string{"9", "payment", "retrying"}).compare(time.Time{}, nil, func(hitKey) (mine, late bool) { return true, true }, FaultKind.Cause)
	require.True(t, v.OK())
	require.Equal(t, 1, v.Late)
}

// withFaults is a demo whose orders are known to come in time by themselves.
func withFaults(t *testing.T, out *output) Config {
	t.Helper()
	faults, err := ParseFaults("fail=payment@0s*2,park=payment@1s*2,drop=inventory@1s*2,hang=payment@2s*2,die=inventory@4s")
	require.NoError(t, err)
	rate, think := 5.0, time.Millisecond
	return Config{
		Orders: 35, Exit: true, Rate: &rate, Seed: 1, Think: &think, Out: out, Mix: Mix{Approved: 3, Declined: 1},
		Faults: faults, Hurry: 3, ObserverListen: "127.0.0.1:0",
	}
}

func requireNamed(t *testing.T, r *Report, err error, out *output, causes map[FaultKind]flow.Cause) {
	t.Helper()
	require.NoError(t, err, "%s", out)
	require.True(t, r.Watch.OK(), "%s", out)
	require.Len(t, r.Watch.Kinds, len(causes), "%s", out)
	seen := 0
	for _, k := range r.Watch.Kinds {
		require.Equal(t, causes[k.FaultKind], k.Cause)
		require.GreaterOrEqual(t, k.Injected, 2, "%s: %s", k.FaultKind, out)
		require.Equal(t, k.Injected, k.Detected)
		seen += k.Detected
	}
	require.GreaterOrEqual(t, seen, 10)
	require.Equal(t, 4, r.Stopped, "two parked, two dropped")
	require.Equal(t, 31, r.Right)
	text := out.String()
	require.Regexp(t, `stalled +payment owes payment.confirmed or payment.rejected; parked: payment gave up on stock.confirmed`, text)
	require.Regexp(t, `nothing else parked or lost +2 parked by faults`, text)
	require.Regexp(t, `recovered +goes on: inventory has answered order.placed`, text)
	require.Contains(t, text, "deadlines  those of the contract divided by 3")
}

// backlogged is a demo whose payments wait for each other.
func backlogged(t *testing.T, url string) {
	t.Helper()
	out := &output{}
	cfg := withFaults(t, out)
	cfg.AMQP, cfg.Orders, cfg.Mix = url, 25, Mix{Approved: 1}
	cfg.Faults = []Fault{{Kind: Slow, Service: "payment", For: 7 * time.Second, Times: 1}}
	r, err := Run(t.Context(), nil, cfg)
	require.NoError(t, err, "%s", out)
	require.Len(t, r.Watch.Kinds, 1)
	require.Equal(t, flow.Backlog, r.Watch.Kinds[0].Cause)
	require.GreaterOrEqual(t, r.Watch.Kinds[0].Detected, 5, "%s", out)
	require.Equal(t, 25, r.Right, "all go on in the end")
}

func TestABacklogIsNamed(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes its time")
	}
	backlogged(t, "")
}

func TestABacklogIsNamedOnRabbitMQ(t *testing.T) { backlogged(t, testenv.RabbitMQ(t).URL) }

func TestEveryStallIsNamedRight(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes its time")
	}
	out := &output{}
	r, err := Run(t.Context(), nil, withFaults(t, out))
	requireNamed(t, r, err, out, map[FaultKind]flow.Cause{
		Hang: flow.Taken, Die: flow.NoConsumer, Drop: flow.Silent, Park: flow.Parked, Fail: flow.Retrying,
	})
}

// TestEveryStallIsNamedRightOnRabbitMQ has no management API to ask: what a
// handler dropped can't be told there from what it has in hand.
func TestEveryStallIsNamedRightOnRabbitMQ(t *testing.T) {
	out := &output{}
	cfg := withFaults(t, out)
	cfg.AMQP = testenv.RabbitMQ(t).URL
	r, err := Run(t.Context(), nil, cfg)
	requireNamed(t, r, err, out, map[FaultKind]flow.Cause{
		Hang: flow.Taken, Die: flow.NoConsumer, Drop: flow.Taken, Park: flow.Parked, Fail: flow.Retrying,
	})
}

func TestAStallThatIsMissedFailsTheDemo(t *testing.T) {
	v := newDetections().compare(time.Time{}, []hit{{hitKey: hitKey{"1042", "payment"}, kind: Park, over: true}}, func(hitKey) (mine, late bool) { return true, false }, FaultKind.Cause)
	r := &Report{Orders: 1, Stopped: 1}
	r.watched(v, nil, true)
	require.False(t, r.OK())
	require.Equal(t, "the observer missed 1 stall, and named 0 where no fault was", r.Failure())
	require.Contains(t, textOf(r.lines(""), 0), "✗ order 1042: park at payment was not seen")
}

func TestFaultsNeedAnObserver(t *testing.T) {
	_, err := Run(t.Context(), nil, Config{Faults: []Fault{{Kind: Drop, Rate: 1}}, NoObserver: true, Out: &output{}})
	require.ErrorContains(t, err, "--faults are for the observer to find: leave out --no-observer")
	_, err = Run(t.Context(), nil, Config{Hurry: 0.5, Out: &output{}})
	require.ErrorContains(t, err, "--hurry is 0.5")
}
