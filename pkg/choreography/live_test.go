package choreography_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/pkg/choreography"
)

// faithful returns announcements of services that do what a contract says.
func faithful(c *choreography.Choreography) (list []choreography.Announcement) {
	by := map[string]*choreography.Announcement{}
	var names []string
	for _, r := range c.Reactions {
		for _, s := range r.Services {
			if by[s] == nil {
				by[s] = &choreography.Announcement{Service: s, Version: "1.4.2", Instance: "a", Queue: s}
				names = append(names, s)
			}
			by[s].Bindings = append(by[s].Bindings, r.On.Types()...)
			by[s].Emits = append(by[s].Emits, r.Emits...)
		}
	}
	for _, s := range names {
		list = append(list, *by[s])
	}
	return list
}

func TestServicesThatDoWhatTheContractSays(t *testing.T) {
	c := order(t)
	require.Empty(t, choreography.CheckLive([]*choreography.Choreography{c}, faithful(c)))
}

func TestWhereServicesDifferFromTheContract(t *testing.T) {
	swap := func(list []string, from, to string) []string {
		list = slices.Clone(list)
		if at := slices.Index(list, from); at >= 0 {
			list[at] = to
		}
		return list
	}
	without := func(list []string, t string) []string {
		return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return s == t })
	}
	for _, c := range []struct {
		name    string
		service string
		change  func(a *choreography.Announcement)
		want    []string
	}{
		{"a subscription misspelt", "inventory", func(a *choreography.Announcement) {
			a.Bindings = swap(a.Bindings, "payment.rejected", "PaymentRejected")
		}, []string{
			`error not-bound: inventory 1.4.2 does not listen to "payment.rejected", to which it must react — it listens to "PaymentRejected"`,
		}},
		{"an event misspelt", "payment", func(a *choreography.Announcement) { a.Emits = swap(a.Emits, "payment.rejected", "paymentRejected") }, []string{
			`error does-not-emit: payment 1.4.2 does not emit "payment.rejected", which the contract says it does — it emits "paymentRejected"`,
		}},
		{"no subscription", "payment", func(a *choreography.Announcement) { a.Bindings = without(a.Bindings, "stock.confirmed") }, []string{
			`error not-bound: payment 1.4.2 does not listen to "stock.confirmed", to which it must react`,
		}},
		{"a listener that does not", "order", func(a *choreography.Announcement) { a.Bindings = without(a.Bindings, "refund.processed") }, []string{
			`warning not-bound: order 1.4.2 does not listen to "refund.processed", which the contract says it does`,
		}},
		{"an event that is not emitted", "delivery", func(a *choreography.Announcement) { a.Emits = without(a.Emits, "order.shipped") }, []string{
			`error does-not-emit: delivery 1.4.2 does not emit "order.shipped", which the contract says it does`,
		}},
		{"nothing declared", "notification", func(a *choreography.Announcement) { a.Emits = nil }, []string{
			`warning emits-not-declared: notification 1.4.2 does not say what it emits`,
		}},
		{"more than the contract", "delivery", func(a *choreography.Announcement) {
			a.Emits, a.Bindings = append(slices.Clone(a.Emits), "parcel.lost"), append(slices.Clone(a.Bindings), "address.changed")
		}, []string{
			`warning undeclared-binding: delivery 1.4.2 listens to "address.changed", of which the contract knows nothing`,
			`warning undeclared-emit: delivery 1.4.2 emits "parcel.lost", of which the contract knows nothing`,
		}},
		{"a wildcard", "order", func(a *choreography.Announcement) { a.Bindings = []string{"#"} }, nil},
		{"wildcards of words", "order", func(a *choreography.Announcement) {
			a.Bindings = []string{"*.rejected", "delivery.#", "order.*", "stock.returned", "#.processed"}
		}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			contract := order(t)
			announced := faithful(contract)
			at := slices.IndexFunc(announced, func(a choreography.Announcement) bool { return a.Service == c.service })
			c.change(&announced[at])
			require.Equal(t, c.want, found(choreography.CheckLive([]*choreography.Choreography{contract}, announced)))
		})
	}
}

func TestServicesThatAreNotThere(t *testing.T) {
	c := order(t)
	announced := slices.DeleteFunc(faithful(c), func(a choreography.Announcement) bool { return a.Service == "payment" })
	announced = append(announced, choreography.Announcement{Service: "payments", Version: "2", Queue: "payments"})
	problems := choreography.CheckLive([]*choreography.Choreography{c}, announced)
	require.Equal(t, []string{
		"warning unknown-service: payments 2 announced itself, and no contract names it",
		"warning never-announced: payment never announced itself",
	}, found(problems))
	require.Contains(t, problems[1].Hint, "there is a service payments")
	require.Equal(t, []string{"warning never-announced: no service announced itself"}, found(choreography.CheckLive(nil, nil)))
	require.Len(t, choreography.CheckLive([]*choreography.Choreography{c}, nil), 5, "one for each service")
}

// TestTheTutorialsMistake needs no contract to name it.
func TestTheTutorialsMistake(t *testing.T) {
	announced := []choreography.Announcement{
		{Service: "order", Version: "1.0.0", Bindings: []string{"paymentConfirmed"}, Emits: []string{"orderPlaced"}},
		{Service: "inventory", Version: "1.0.0", Bindings: []string{"orderPlaced", "PaymentRejected"}, Emits: []string{"stockConfirmed"}},
		{Service: "payment", Version: "1.0.0", Bindings: []string{"stockConfirmed"}, Emits: []string{"paymentConfirmed", "paymentRejected"}},
	}
	problems := choreography.CheckLive(nil, announced)
	require.Equal(t, []string{
		`error near-miss: payment 1.0.0 emits "paymentRejected", and inventory 1.0.0 listens to "PaymentRejected" — did you mean "PaymentRejected"?`,
	}, found(problems))
	require.Equal(t, "announcements", problems[0].Place())
	audit := choreography.Announcement{Service: "audit", Bindings: []string{"#"}}
	require.Equal(t, problems, choreography.CheckLive(nil, append(announced, audit)), "also where something else listens to everything")
	announced[1].Bindings[1] = "paymentRejected"
	require.Empty(t, choreography.CheckLive(nil, announced))
}

func TestWithoutAContract(t *testing.T) {
	require.Equal(t, []string{
		`warning never-comes: b listens to "y", and no service says that it emits it`,
		`warning unheard: a emits "x", and nobody listens to it`,
	}, found(choreography.CheckLive(nil, []choreography.Announcement{
		{Service: "a", Emits: []string{"x"}}, {Service: "b", Bindings: []string{"y"}},
	})))
}

func TestTheLastAnnouncementCounts(t *testing.T) {
	old := choreography.Announcement{Service: "a", Version: "1", Emits: []string{"x"}}
	require.Empty(t, choreography.CheckLive(nil, []choreography.Announcement{old, {Service: "a", Version: "2"}}))
	require.Len(t, choreography.CheckLive(nil, []choreography.Announcement{{Service: "a", Version: "2"}, old}), 1)
}

// TestWhoStoppedIsLeftOut: a log keeps for days what was said by services that
// are no more.
func TestWhoStoppedIsLeftOut(t *testing.T) {
	at := func(hours int) time.Time {
		return time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC).Add(time.Duration(hours) * time.Hour)
	}
	old := choreography.Announcement{Service: "old", Version: "1", Bindings: []string{"shippd"}, Emits: []string{"x"}, Said: at(0)}
	slow := choreography.Announcement{Service: "slow", Emits: []string{"shipped"}, Said: at(-48)} // its clock is days behind
	now := choreography.Announcement{Service: "now", Bindings: []string{"shipped"}, Said: at(4)}
	running, stopped := choreography.Running([]choreography.Announcement{old, now, slow})
	require.Equal(t, []choreography.Announcement{now, slow}, running)
	require.Equal(t, []choreography.Announcement{old}, stopped)
	require.Empty(t, choreography.CheckLive(nil, []choreography.Announcement{old, now, slow}), "neither a near miss nor unheard")
	require.Len(t, choreography.CheckLive(nil, []choreography.Announcement{old}), 2, "nobody is newer")
	old.Said = at(1)
	require.Len(t, choreography.CheckLive(nil, []choreography.Announcement{old, now, slow}), 2, "three hours are no proof")

	old.Said = at(0)
	c := parse(t, "{choreography: a, starts: s, outcomes: {completed: x}, reactions: [{service: now, emits: s}, {service: old, on: s, emits: x, within: 1s}]}")
	problems := choreography.CheckLive([]*choreography.Choreography{c}, []choreography.Announcement{old, now})
	require.Contains(t, found(problems), "warning never-announced: old 1 announced itself last at 2026-01-02 03:00 UTC, and others hours later")
}

// TestEachServiceIsToldOf: two services may do the same wrong.
func TestEachServiceIsToldOf(t *testing.T) {
	c := parse(t, small)
	require.Equal(t, []string{
		`warning undeclared-emit: stock emits "noted", of which the contract knows nothing`,
		`warning undeclared-emit: web emits "noted", of which the contract knows nothing`,
	}, found(choreography.CheckLive([]*choreography.Choreography{c}, []choreography.Announcement{
		{Service: "web", Emits: []string{"ordered", "noted"}},
		{Service: "stock", Bindings: []string{"ordered"}, Emits: []string{"shipped", "rejected", "noted"}},
	})))
	c = parse(t, small+"  - {service: stock, on: shipped, emits: booked, within: 1s}\n")
	require.Equal(t, []string{`warning emits-not-declared: stock does not say what it emits`}, found(choreography.CheckLive(
		[]*choreography.Choreography{c},
		[]choreography.Announcement{{Service: "web", Emits: []string{"ordered"}}, {Service: "stock", Bindings: []string{"#"}}},
	)), "once, not at each reaction")
}

// TestHostileAnnouncements come from whoever may write into the log.
func TestHostileAnnouncements(t *testing.T) {
	many := make([]string, 50_000)
	for i := range many {
		many[i] = fmt.Sprintf("x%d", i)
	}
	problems := choreography.CheckLive(nil, []choreography.Announcement{
		{Service: "a\x1b[2J\n", Version: "\u202e1", Emits: append([]string{"evil\x1b]0;x\a"}, many...)},
		{}, {Service: strings.Repeat("#.", 1000), Bindings: []string{strings.Repeat("#.", 1000) + "x"}},
	})
	require.NotEmpty(t, problems)
	require.Less(t, len(problems), 2*choreography.MaxEventTypes+2)
	for _, p := range problems {
		require.NotContains(t, p.String(), "\x1b")
		require.NotContains(t, p.String(), "\u202e")
		require.LessOrEqual(t, strings.Count(p.String(), "\n"), 1)
	}
}

// TestManyHostileAnnouncements: each name could be a slip of each other one.
func TestManyHostileAnnouncements(t *testing.T) {
	var all []choreography.Announcement
	for s := range 20 {
		a := choreography.Announcement{Service: fmt.Sprintf("s%d", s)}
		for i := range choreography.MaxEventTypes {
			a.Emits = append(a.Emits, fmt.Sprintf("%s%d", strings.Repeat("x", 30), s*choreography.MaxEventTypes+i))
			a.Bindings = append(a.Bindings, fmt.Sprintf("%s%d", strings.Repeat("y", 30), s*choreography.MaxEventTypes+i))
		}
		all = append(all, a)
	}
	all[3].Emits[7], all[4].Bindings[8] = "payment.rejected", "paymentRejected"
	began := time.Now()
	require.Contains(t, found(choreography.CheckLive(nil, all)), `error near-miss: s3 emits "payment.rejected", and s4 listens to "paymentRejected" — did you mean "paymentRejected"?`)
	require.Less(t, time.Since(began), time.Minute)
}
