package choreographytest

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/choreography"
	"github.com/laban-io/laban/services"
)

// announced runs the five services and returns what they say of themselves in
// the log, by service: their real queues, bindings and declared events.
func announced(t *testing.T) map[string]choreography.Announcement {
	on, broker := inMemory(t)
	start(t, on)
	transport := broker.Connect()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	by := map[string]choreography.Announcement{}
	enough := errors.New("all five announced themselves")
	err := transport.Tail(ctx, bus.First(), func(r bus.LogRecord) error {
		if r.Event.Type != bus.AnnouncementType {
			return nil
		}
		var a bus.Announcement
		if err := json.Unmarshal(r.Event.Data, &a); err != nil {
			return err
		}
		by[a.Service] = choreography.Announcement{Service: a.Service, Version: a.Version, Queue: a.Queue, Bindings: a.Bindings, Emits: a.Emits}
		if len(by) == 5 {
			return enough
		}
		return nil
	})
	require.ErrorIs(t, err, enough)
	require.NoError(t, transport.Close(ctx))
	return by
}

// TestTheServicesAgreeWithTheContract holds the services that run to the
// contract, and the contract to them.
func TestTheServicesAgreeWithTheContract(t *testing.T) {
	c, err := services.Order()
	require.NoError(t, err)
	require.Empty(t, choreography.Check(c))
	by := announced(t)

	hears, emits := map[string][]string{}, map[string][]string{}
	for _, r := range c.Reactions {
		for _, s := range r.Services {
			hears[s] = append(hears[s], r.On.Types()...)
			emits[s] = append(emits[s], r.Emits...)
		}
	}
	require.Len(t, hears, len(by), "services")
	for s, a := range by {
		require.ElementsMatch(t, unique(hears[s]), a.Bindings, "what %s listens to", s)
		require.ElementsMatch(t, unique(emits[s]), a.Emits, "what %s emits", s)
	}
	var list []choreography.Announcement
	for _, a := range by {
		list = append(list, a)
	}
	require.Empty(t, choreography.CheckLive([]*choreography.Choreography{c}, list), "laban check --live says the same")
}

func unique(list []string) []string {
	slices.Sort(list)
	return slices.Compact(list)
}

// TestTheseTestsJudgeByTheContract compares the rules of this package, which are
// written in the plainest way, with the contract.
func TestTheseTestsJudgeByTheContract(t *testing.T) {
	c, err := services.Order()
	require.NoError(t, err)
	var want []reaction
	for _, r := range c.Reactions {
		if !r.Owes() {
			continue
		}
		require.Len(t, r.Services, 1)
		require.LessOrEqual(t, len(r.Unless), 1)
		rule := reaction{service: r.Services[0], on: r.On.Any, emits: r.Emits, undoes: r.Undoes}
		if len(r.Unless) > 0 {
			rule.unless = r.Unless[0]
		}
		want = append(want, rule)
	}
	require.ElementsMatch(t, want, contract())
	require.ElementsMatch(t, c.Outcomes.Completed, completed())
	require.ElementsMatch(t, c.Outcomes.Failed, failed())
}
