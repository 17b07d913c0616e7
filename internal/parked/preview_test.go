package parked_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/observer/api"
	"github.com/laban-io/laban/internal/parked"
	"github.com/laban-io/laban/pkg/membus"
)

// known are flows by their ids.
type known map[string]*api.Detail

func (k known) Flow(_ context.Context, _, id string) (*api.Detail, error) {
	if id == "down" {
		return nil, errors.New("the observer is down")
	}
	return k[id], nil
}

// flowOf returns a flow with a status, in which a service owes something for
// the event e1 in a state.
func flowOf(status string, obligations ...api.Obligation) *api.Detail {
	d := &api.Detail{Head: api.Head{Choreography: "order", Key: "1042", Status: status}}
	d.Events = []api.Event{{Number: 1, ID: "e0", Type: "order.placed"}, {Number: 2, ID: "e1", Type: "stock.confirmed"}, {Number: 3, ID: "e2", Type: "payment.rejected"}}
	d.Obligations = obligations
	return d
}

func owes(service, state string, trigger int) api.Obligation {
	return api.Obligation{
		Waiting: api.Waiting{Service: service, Trigger: trigger, For: []string{"payment.confirmed", "payment.rejected"}}, State: state, PaidBy: 3,
	}
}

func TestWhatNobodyWaitsForIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		flow    *api.Detail
		refused bool
		says    string
	}{
		"open":              {flowOf("stalled", owes("payment", "open", 2)), false, "order 1042 still waits for it."},
		"open, undoing":     {flowOf("compensating", owes("payment", "open", 2)), false, "order 1042 still waits for it."},
		"side, after all":   {flowOf("completed", owes("payment", "open", 2)), false, "order 1042 still waits for it."},
		"met":               {flowOf("running", owes("payment", "met", 2)), true, "order 1042 has moved on: payment has answered with payment.rejected."},
		"met, and ended":    {flowOf("completed", owes("payment", "met", 2)), true, "order 1042 has moved on: payment has answered with payment.rejected."},
		"of another event":  {flowOf("running", owes("payment", "met", 1)), false, "order 1042 is running, and waits for nothing that comes of it."},
		"another service's": {flowOf("running", owes("delivery", "met", 2)), false, "order 1042 is running, and waits for nothing that comes of it."},
		"lifted":            {flowOf("running", owes("payment", "void", 2)), true, "order 1042 does not wait for it any more: what payment owed was lifted."},
		"ended":             {flowOf("failed"), true, "order 1042 has ended: it is failed."},
		"compensated":       {flowOf("compensating", owes("payment", "void", 2)), true, "order 1042 is being compensated: it has failed, and steps are being undone."},
		"inconsistent":      {flowOf("inconsistent", owes("payment", "open", 2)), true, "order 1042 is inconsistent: it has contradictory outcomes. Find out which one holds before anything is sent again."},
		"closed":            {flowOf("closed", owes("payment", "open", 2)), true, "order 1042 was closed by a person."},
		"nothing known":     {flowOf("unknown"), true, "Nothing is claimed of order 1042: its beginning was not seen, or the log has a gap."},
		"unknown":           {nil, true, "The observer does not know its flow: it is over for long, or began before the log does."},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := parked.New(parked.Config{Store: memory(t), Flows: known{"f": c.flow}})
			require.NoError(t, err)
			previews, err := d.Preview(t.Context(), []parked.Message{{Kind: parked.Parked, Service: "payment", ID: "e1", Type: "stock.confirmed", FlowName: "order", FlowID: "f"}})
			require.NoError(t, err)
			require.Equal(t, c.refused, previews[0].Refused)
			require.Equal(t, c.says, previews[0].Standing)
			require.Contains(t, previews[0].Effect, "payment processes stock.confirmed again")
		})
	}
}

func TestWithoutAnObserverAllIsRefused(t *testing.T) {
	message := parked.Message{Kind: parked.Parked, Service: "payment", ID: "e1", Type: "stock.confirmed", FlowID: "down"}
	d, err := parked.New(parked.Config{Store: memory(t)})
	require.NoError(t, err)
	previews, err := d.Preview(t.Context(), []parked.Message{message, {Kind: parked.Parked, Service: "mail", Type: "digest"}})
	require.NoError(t, err)
	require.True(t, previews[0].Refused)
	require.False(t, previews[1].Refused, "it is of no flow")

	d, err = parked.New(parked.Config{Store: memory(t), Flows: known{}})
	require.NoError(t, err)
	_, err = d.Preview(t.Context(), []parked.Message{message})
	require.ErrorContains(t, err, "the observer is down")
}

func memory(t *testing.T) *parked.Memory {
	t.Helper()
	b := membus.New(membus.Config{})
	t.Cleanup(b.Close)
	return parked.NewMemory(b)
}
