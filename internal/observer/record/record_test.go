package record_test

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/observer/record"
	"github.com/laban-io/laban/pkg/event"
)

func samples() []record.Record {
	sum := sha256.Sum256([]byte("choreography: x"))
	return []record.Record{
		record.Pulse{
			Time: time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC), Log: "l", Observer: "o", Epoch: 3, Sequence: 9,
			Contracts: map[string]string{"x": "00"},
			Queues: []record.Queue{
				{Service: "a", Queue: "a", Ready: 1, Unacked: -1, Consumers: 2},
				{Service: "b", Queue: "b", Missing: true, Bindings: []string{}},
			},
		},
		record.Identified{ID: "01ABC"},
		record.Identified{ID: "01ABD", Replaces: "01ABC"},
		record.Contract{Name: "x", Hash: hex.EncodeToString(sum[:]), Text: "choreography: x"},
		record.Retired{Name: "x"},
		record.Mapping{Taps: []record.Tap{{Exchange: "shop*", EventType: "routing-key", Key: "body:/order/id", ID: "property:message-id"}}},
		record.Stray{EventID: "e", EventType: "t", FlowName: "f", FlowID: "i", Key: "k", Stream: "events.unrouted", Offset: 7},
		record.Stray{EventID: "e", EventType: "t", Service: "s", Stream: "events.lost.log", Offset: 7, Lost: true},
		record.Closed{Choreography: "x", FlowID: "f", Reason: "mended", By: "me"},
		record.Redriven{EventID: "e", Service: "s", Discarded: true, Reason: "test data"},
	}
}

func TestRecordsComeBackAsTheyWere(t *testing.T) {
	for _, want := range samples() {
		e, err := record.Encode(want, time.Now())
		require.NoError(t, err)
		wire, err := event.Marshal(e)
		require.NoError(t, err)
		read, err := event.Unmarshal(wire)
		require.NoError(t, err)
		got, err := record.Decode(read)
		require.NoError(t, err)
		require.Empty(t, cmp.Diff(want, got))
	}
}

func TestBadRecordsAreRefused(t *testing.T) {
	for name, r := range map[string]record.Record{
		"year":     record.Pulse{Time: time.Date(2300, 1, 1, 0, 0, 0, 0, time.UTC)},
		"figure":   record.Pulse{Time: time.Unix(1, 0), Queues: []record.Queue{{Service: "a", Ready: -1}}},
		"hash":     record.Contract{Name: "x", Hash: "00", Text: "y"},
		"long":     record.Identified{ID: strings.Repeat("x", 513)},
		"reason":   record.Closed{Choreography: "x", FlowID: "y"},
		"exchange": record.Mapping{Taps: []record.Tap{{}}},
	} {
		_, err := record.Encode(r, time.Now())
		require.ErrorIs(t, err, record.ErrRecord, name)
		_, err = record.Decode(event.New(r.Type(), r))
		require.ErrorIs(t, err, record.ErrRecord, name)
	}
	_, err := record.Decode(event.New("laban.nothing", nil))
	require.ErrorIs(t, err, record.ErrRecord)
}

// FuzzDecode: what can be read can be written, and reads the same.
func FuzzDecode(f *testing.F) {
	for _, r := range samples() {
		e, err := record.Encode(r, time.Unix(0, 0))
		require.NoError(f, err)
		f.Add(e.Type, e.Data)
	}
	f.Fuzz(func(t *testing.T, typ string, data []byte) {
		r, err := record.Decode(event.Event{Type: typ, Data: data})
		if err != nil {
			require.ErrorIs(t, err, record.ErrRecord)
			return
		}
		e, err := record.Encode(r, time.Unix(0, 0))
		require.NoError(t, err)
		again, err := record.Decode(e)
		require.NoError(t, err)
		require.Empty(t, cmp.Diff(r, again, cmpopts.EquateEmpty())) // [] of queues is left out
	})
}
