package event_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/pkg/event"
)

func TestNew(t *testing.T) {
	type payment struct {
		Order  string `json:"order"`
		Amount int    `json:"amount"`
	}
	e := event.New("payment.confirmed", payment{"1042", 4900})
	require.Equal(t, "payment.confirmed", e.Type)
	require.Equal(t, "application/json", e.DataContentType)
	require.JSONEq(t, `{"order":"1042","amount":4900}`, string(e.Data))

	var p payment
	require.NoError(t, e.Decode(&p))
	require.Equal(t, payment{"1042", 4900}, p)

	raw := event.New("payment.confirmed", json.RawMessage(`{"order":"1042"}`))
	require.True(t, bytes.Equal([]byte(`{"order":"1042"}`), raw.Data), "byte by byte")

	none := event.New("payment.confirmed", nil)
	require.Empty(t, none.Data)
	require.Empty(t, none.DataContentType)
}

// What can't be encoded is said when the event is used, not by a panic.
func TestNewKeepsItsError(t *testing.T) {
	e := event.New("payment.confirmed", func() {}).WithSubject("1042")
	e.ID, e.Source, e.Time = "1", "payment", time.Now()
	for _, err := range []error{e.Validate(), marshalError(e), carryError(e)} {
		require.ErrorIs(t, err, event.ErrInvalid)
		require.ErrorContains(t, err, "encode data of payment.confirmed")
		var unsupported *json.UnsupportedTypeError
		require.ErrorAs(t, err, &unsupported)
	}
}

func marshalError(e event.Event) error { _, err := event.Marshal(e); return err }
func carryError(e event.Event) error   { _, err := event.Carry(e); return err }

func TestDecode(t *testing.T) {
	var v struct {
		Amount int `json:"amount"`
	}
	e := event.Event{ID: "1", Type: "payment.confirmed", Data: []byte(`{"amount":1,"since":"later versions"}`)}
	require.NoError(t, e.Decode(&v), "a field that the reader does not know")
	require.Equal(t, 1, v.Amount)
	for _, data := range []string{"", "{", `{"amount":"many"}`, "[]"} {
		e.Data = []byte(data)
		err := e.Decode(&v)
		require.ErrorIs(t, err, event.ErrData, "data %q", data)
		require.ErrorContains(t, err, "payment.confirmed 1", "the error names the event")
	}
}

func TestWithSubjectCopies(t *testing.T) {
	e := event.New("order.placed", nil)
	require.Equal(t, "1042", e.WithSubject("1042").Subject)
	require.Empty(t, e.Subject)
}

func TestFlowAndOrderKey(t *testing.T) {
	for _, c := range []struct {
		e         event.Event
		flow, key string
	}{
		{event.Event{ID: "id", Subject: "1042", FlowName: "order", FlowID: "f"}, "order:f", "f"},
		{event.Event{ID: "id", Subject: "1042"}, "", "1042"},
		{event.Event{ID: "id"}, "", "id"},
		{event.Event{}, "", ""},
	} {
		require.Equal(t, c.flow, c.e.Flow())
		require.Equal(t, c.key, c.e.OrderKey())
	}
}

func TestCloneSharesNothing(t *testing.T) {
	e := event.Event{ID: "1", Data: []byte("data"), Extensions: map[string]string{"tenant": "a"}}
	c := e.Clone()
	require.Empty(t, diff(e, c))
	c.Data[0], c.Extensions["tenant"] = 'X', "X"
	require.Equal(t, "data", string(e.Data))
	require.Equal(t, "a", e.Extensions["tenant"])
}

// Ids are unique and sort in the order in which a process made them.
func TestNewID(t *testing.T) {
	const callers, each = 8, 2000
	made := make([][]string, callers)
	var all sync.WaitGroup
	for i := range callers {
		all.Go(func() {
			for range each {
				made[i] = append(made[i], event.NewID())
			}
		})
	}
	all.Wait()
	seen := map[string]bool{}
	for _, ids := range made {
		require.True(t, slices.IsSorted(ids))
		for _, id := range ids {
			require.Len(t, id, 26)
			require.False(t, seen[id], "made twice: %s", id)
			seen[id] = true
		}
	}
}
