package choreography_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/pkg/choreography"
)

func TestTheOrderContractHasNoProblem(t *testing.T) {
	require.Empty(t, choreography.Check(order(t)))
}

func TestASmallContractHasNoProblem(t *testing.T) {
	require.Empty(t, choreography.Check(parse(t, small)))
}

// change returns the order system's contract with something replaced, which must
// be there.
func change(t *testing.T, pairs ...string) *choreography.Choreography {
	t.Helper()
	text := orderText(t)
	for i := 0; i < len(pairs); i += 2 {
		require.Contains(t, text, pairs[i])
		text = strings.Replace(text, pairs[i], pairs[i+1], 1)
	}
	return parse(t, text)
}

// found says what was found, without the place.
func found(problems []choreography.Problem) (lines []string) {
	for _, p := range problems {
		lines = append(lines, fmt.Sprintf("%s %s: %s", p.Severity, p.Code, p.Message))
	}
	return lines
}

func TestWhatIsWrongWithAnOrderContract(t *testing.T) {
	for _, c := range []struct {
		name  string
		pairs []string
		want  []string
	}{
		{
			"near miss", []string{"on: [payment.rejected, order.canceled", "on: [paymentRejected, order.canceled"},
			[]string{`error not-emitted: nobody emits "paymentRejected" — did you mean "payment.rejected"?`},
		},
		{
			"an outcome misspelt", []string{"completed: [order.shipped]", "completed: [order.shiped]"},
			[]string{`error not-emitted: nobody emits "order.shiped" — did you mean "order.shipped"?`},
		},
		{
			"an event that nobody emits", []string{"on: [order.placed], ", "on: [order.placed, voucher.redeemed], "},
			[]string{`error not-emitted: nobody emits "voucher.redeemed"`},
		},
		{
			"no refund when delivery fails", []string{"on: [order.canceled, delivery.failed]", "on: [order.canceled]"},
			[]string{`error not-undone: a flow that fails by "delivery.failed" keeps "payment.confirmed": what undoes it does not wait for delivery.failed`},
		},
		{
			"nobody returns the goods",
			[]string{"undoes: stock.confirmed\n    emits: [stock.returned]\n    within: 5s", "", "order.cancel_refused, stock.returned,", "order.cancel_refused,", "  stock.returned: The reserved goods are free again.\n", ""},
			[]string{`warning nothing-undoes: a flow that fails by "payment.rejected" keeps "stock.confirmed", which no reaction undoes`},
		},
		{
			"a failure that is none", []string{"payment.rejected, delivery.failed, order.canceled]\nreactions", "delivery.failed, order.canceled]\nreactions"},
			[]string{`error dead-end: "payment.rejected" leads nowhere: a flow that comes to it has no outcome, and nobody owes it anything more`},
		},
		{
			"a description of nothing", []string{"  order.shipped: The", "  order.sent: The"},
			[]string{`warning unknown-event: "order.sent" is described, and no reaction knows it`},
		},
		{
			"abandoned early", []string{"starts: [order.placed]", "starts: [order.placed]\nabandon_after: 30s"},
			[]string{`warning abandoned-early: a flow is abandoned after 30s, before this answer (within 30s) can be late`},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.Equal(t, c.want, found(choreography.Check(change(t, c.pairs...))))
		})
	}
}

func TestWhatIsWrongWithASmallContract(t *testing.T) {
	begin := "choreography: a\nstarts: s\noutcomes: {completed: [done], failed: [broken]}\nreactions:\n  - {service: one, emits: s}\n"
	for _, c := range []struct {
		name, text string
		want       []string
	}{
		{"a retry that can end", "- {service: two, on: [s, retry], emits: [done, failed], within: 1s}\n  - {service: one, on: failed, emits: [retry, broken], within: 1s}", nil},
		{
			"a loop", "- {service: two, on: [s, retry], emits: [done, failed], within: 1s}\n  - {service: two, on: failed, emits: [retry, broken], within: 1s}\n  - {service: x, on: done, emits: round, within: 1s}\n  - {service: x, on: round, emits: again, within: 1s}\n  - {service: x, on: again, emits: round, within: 1s}",
			[]string{
				`error endless-loop: a flow that comes to "round" never ends: round → again → round`,
			},
		},
		{
			"a loop of one", "- {service: two, on: s, emits: s, within: 1s}\n  - {service: two, on: s, emits: [done, broken], within: 1s}",
			[]string{`error endless-loop: a flow that comes to "s" never ends: s → s`},
		},
		{"a loop with two ways in", "- {service: two, on: s, emits: [done, broken], within: 1s}\n  - {service: two, on: s, emits: [x], within: 1s}\n  - {service: two, on: s, emits: [y], within: 1s}\n  - {service: two, on: x, emits: p, within: 1s}\n  - {service: two, on: y, emits: q, within: 1s}\n  - {service: two, on: p, emits: q, within: 1s}\n  - {service: two, on: q, emits: p, within: 1s}", []string{
			`error endless-loop: a flow that comes to "p" never ends: p → q → p`,
		}},
		{"a condition that never comes", "- {service: two, on: s, emits: [done, broken], within: 1s}\n  - {service: two, on: s, if: x, emits: [y], within: 1s}\n  - {service: two, on: y, emits: [x], within: 1s, side: true}\n", []string{
			`warning unreachable-reaction: the reaction can never happen: nothing that starts a flow leads to "x"`,
			`warning unreachable-reaction: the reaction can never happen: nothing that starts a flow leads to "y"`,
		}},
		{"a retry beside something else", "- {service: two, on: [s, retry], emits: [done, failed], within: 1s}\n  - {service: one, on: failed, emits: [retry, broken], within: 1s}\n  - {service: two, on: s, emits: noted, within: 1s}\n  - {service: one, on: noted}", nil},
		{"a loop that something ends", "- {service: two, on: s, emits: [done, broken, ping], within: 1s}\n  - {service: two, on: ping, unless: late, emits: [pong], within: 1s}\n  - {service: one, on: pong, emits: ping, within: 1s}\n  - {service: one, on: ping, emits: [late], within: 1s}\n  - {service: one, on: late, emits: broken, within: 1s}", []string{
			`warning nothing-undoes: a flow that fails by "broken" keeps "late", which no reaction undoes`,
		}},
		{"perhaps", "- {service: two, on: s, emits: [done, broken], within: 1s, optional: true}", []string{
			`error dead-end: "s" leads nowhere: a flow that comes to it has no outcome, and nobody owes it anything more`,
		}},
		{
			"an end that is none", "- {service: two, on: s, emits: [done, broken, lost], within: 1s}",
			[]string{`error dead-end: "lost" leads nowhere: a flow that comes to it has no outcome, and nobody owes it anything more`},
		},
		{
			"no way to an outcome", "- {service: two, on: s, emits: [x], within: 1s}\n  - {service: two, on: never, emits: [done, broken], within: 1s}",
			[]string{
				`error dead-end: "x" leads nowhere: a flow that comes to it has no outcome, and nobody owes it anything more`,
				`error not-emitted: nobody emits "never"`,
			},
		},
		{
			"a start without anything", "- {service: two, emits: [done, broken]}",
			[]string{`error dead-end: "s" leads nowhere: a flow that comes to it has no outcome, and nobody owes it anything more`},
		},
		{
			"nobody reacts", "- {service: two, on: s, emits: [done, broken], within: 1s}\n  - {service: two, emits: hello}",
			[]string{`warning nobody-reacts: nobody reacts to "hello"`},
		},
		{
			"an island", "- {service: two, on: s, emits: [done, broken], within: 1s}\n  - {service: two, on: [x], emits: [y], within: 1s}\n  - {service: two, on: y, emits: x, within: 1s, optional: true}",
			[]string{
				`warning unreachable-reaction: the reaction can never happen: nothing that starts a flow leads to "x"`,
				`warning unreachable-reaction: the reaction can never happen: nothing that starts a flow leads to "y"`,
			},
		},
		{"a service of two names", "- {service: two-three, on: s, emits: [done, broken], within: 1s}\n  - {service: [twoThree, one], on: [done, broken]}\n  - {service: two-four, on: done}", []string{
			`warning same-service: the services "two-three" and "twoThree" differ in spelling only`,
			`warning silent-service: twoThree listens and never emits anything`,
			`warning silent-service: two-four listens and never emits anything`,
		}},
		{"a reaction twice", "- {service: two, on: s, emits: [done, broken], within: 1s}\n  - {service: [two], on: [s], emits: [broken, done], within: 5s}", []string{
			`warning same-reaction: the reaction says the same as the one in line 6, so that each answer is owed twice`,
		}},
		{"nearly a reaction twice", "- {service: two, on: s, emits: [done, broken], within: 1s}\n  - {service: three, on: s, emits: [done, broken], within: 1s}\n  - {service: two, on: s, if: done, emits: [done, broken], within: 1s}", nil},
		{
			"a service that only listens", "- {service: two, on: s, emits: [done, broken], within: 1s}\n  - {service: books, on: done}",
			[]string{`warning silent-service: books listens and never emits anything`},
		},
		{"a join", "- {service: two, on: s, emits: x, within: 1s}\n  - {service: three, on: s, emits: y, within: 1s}\n  - {service: one, on: {all: [x, y]}, emits: [done, broken], within: 1s}", []string{
			`warning nothing-undoes: a flow that fails by "broken" keeps "x", which no reaction undoes`,
			`warning nothing-undoes: a flow that fails by "broken" keeps "y", which no reaction undoes`,
		}},
		{"half a join", "- {service: two, on: s, emits: [x, broken], within: 1s}\n  - {service: one, emits: y}\n  - {service: one, on: {all: [x, y]}, emits: [done], within: 1s}", []string{
			`error dead-end: "x" leads nowhere: a flow that comes to it has no outcome, and nobody owes it anything more`,
		}},
		{"voided and nothing else", "- {service: two, on: s, unless: stop, emits: [done, broken], within: 1s}\n  - {service: one, emits: stop}", []string{
			`error dead-end: "s" leads nowhere: a flow that comes to it has no outcome, and nobody owes it anything more`,
		}},
		{"only if", "- {service: two, on: s, emits: [done, broken], within: 1s}\n  - {service: two, on: done, if: [gift], emits: [wrapped], within: 1s}\n  - {service: one, on: wrapped}\n  - {service: one, emits: gift}", nil},
		{"undone on the side", "- {service: two, on: s, emits: x, within: 1s}\n  - {service: two, on: x, emits: [done, broken], within: 1s}\n  - {service: two, on: broken, undoes: x, emits: [taken back], within: 1s, side: true}", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.Equal(t, c.want, found(choreography.Check(parse(t, begin+"  "+c.text+"\n"))))
		})
	}
}

func TestStartsFromOutside(t *testing.T) {
	c := parse(t, "{choreography: a, starts: s, outcomes: {completed: done}, reactions: [{service: b, on: s, emits: done, within: 1s}]}")
	require.Equal(t, []string{`warning start-not-emitted: nobody emits "s"`}, found(choreography.Check(c)))
}

func TestNoOutcomes(t *testing.T) {
	c := parse(t, "{choreography: a, starts: s, reactions: [{service: b, emits: s}, {service: b, on: s, emits: t, within: 1s}, {service: b, on: t}]}")
	require.Equal(t, []string{"error no-outcomes: no event decides how a flow went, so that none ever ends"}, found(choreography.Check(c)))
}

func TestChoreographiesBesideEachOther(t *testing.T) {
	one := parse(t, "{choreography: one, starts: s, outcomes: {completed: done}, reactions: [{service: a, emits: [s, ping]}, {service: b, on: s, emits: done, within: 1s}]}")
	two := parse(t, "{choreography: two, starts: ping, outcomes: {completed: pong}, reactions: [{service: b, on: ping, emits: pong, within: 1s}]}")
	require.Empty(t, choreography.Check(one, two), "ping comes from one and is heard in two")
	require.Equal(t, []string{`warning nobody-reacts: nobody reacts to "ping"`}, found(choreography.Check(one)))
	require.Contains(t, found(choreography.Check(one, one)), `error same-name: there is another choreography "one", in shop.yaml`)
	misspelt := parse(t, strings.ReplaceAll(two.Text, "ping", "Ping"))
	require.Equal(t, []string{
		`error not-emitted: nobody emits "Ping" — did you mean "ping"?`, `warning nobody-reacts: nobody reacts to "ping"`,
	}, found(choreography.Check(one, misspelt)))
	three := parse(t, strings.Replace(one.Text, "one", "three", 1))
	require.Contains(t, found(choreography.Check(one, three)), `warning shared-start: "s" starts the choreography "one", too`)
}

func TestAContractThatWasMadeIsCheckedToo(t *testing.T) {
	c := &choreography.Choreography{
		Name: "made", Starts: []string{"s"}, Outcomes: choreography.Outcomes{Completed: []string{"done"}},
		Reactions: []choreography.Reaction{
			{Services: []string{"a"}, Emits: []string{"s"}},
			{Services: []string{"b"}, On: choreography.Trigger{Any: []string{"s"}}, Emits: []string{"done"}},
		},
	}
	problems := choreography.Check(c)
	require.Equal(t, []string{"error no-deadline: the reaction owes an answer and has no deadline"}, found(problems))
	require.True(t, choreography.HasErrors(problems))
	c.Reactions[1].Within = time.Second
	require.Empty(t, choreography.Check(c))
	require.False(t, choreography.HasErrors(nil))
}

// TestManyWays has more histories than can be gone through.
func TestManyWays(t *testing.T) {
	var text strings.Builder
	text.WriteString("choreography: a\nstarts: s\noutcomes: {completed: [done]}\nreactions:\n  - {service: a, emits: s}\n  - {service: a, on: s, emits: done, within: 1s}\n")
	for i := range 40 {
		fmt.Fprintf(&text, "  - {service: a, on: s, emits: [x%d, y%d], within: 1s}\n  - {service: a, on: [x%d, y%d]}\n", i, i, i, i)
	}
	began := time.Now()
	problems := choreography.Check(parse(t, text.String()))
	require.Equal(t, []string{"warning too-many-histories: flows can go more than 20000 ways, and not all of them were looked at for dead ends and for steps that stay done"}, found(problems))
	require.Less(t, time.Since(began), 10*time.Second)
}

func TestPlaces(t *testing.T) {
	c := change(t, "on: [payment.rejected, order.canceled", "on: [paymentRejected, order.canceled")
	p := choreography.Check(c)[0]
	line := 0
	for i, l := range strings.Split(c.Text, "\n") {
		if strings.Contains(l, "paymentRejected") {
			line = i + 1
		}
	}
	require.Equal(t, fmt.Sprintf("shop.yaml:%d:10", line), p.Place())
	require.Equal(t, "order", p.Choreography)
	require.Equal(t, "paymentRejected", p.Event)
}

func TestEveryCodeIsDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/reference/check.md")
	require.NoError(t, err)
	sections := map[string]bool{}
	for line := range strings.Lines(string(page)) {
		if code, ok := strings.CutPrefix(strings.TrimSpace(line), "### "); ok {
			sections[strings.Trim(code, "`")] = true
		}
	}
	for _, code := range choreography.Codes() {
		require.True(t, sections[string(code)], "docs/reference/check.md has no section on %s", code)
		delete(sections, string(code))
	}
	require.Empty(t, sections, "docs/reference/check.md tells of codes that do not exist")
}
