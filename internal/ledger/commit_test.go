package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/laban-io/laban/internal/ledger"
	"github.com/laban-io/laban/pkg/choreography"
	"github.com/laban-io/laban/pkg/flow"
)

// live returns what Load gives the tracker.
func live(t require.TestingT, l *ledger.Ledger) (map[string]ledger.LiveFlow, ledger.Head) {
	flows := make(map[string]ledger.LiveFlow)
	head, err := l.Load(context.Background(), func(f ledger.LiveFlow) error {
		f.State = append([]byte(nil), f.State...)
		flows[f.Choreography+":"+f.ID] = f
		return nil
	})
	require.NoError(t, err)
	return flows, head
}

func TestNewLedgerIsEmpty(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		flows, head := live(t, open(t, url))
		require.Empty(t, flows)
		require.Equal(t, ledger.Head{Contracts: []ledger.Contract{}}, head)
	})
}

func TestCommittedIsLoaded(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		w := takeOver(t, open(t, url))
		var b ledger.Batch
		first, second := order{n: 1, events: 3, begin: start(), first: 0}, order{n: 2, events: 8, begin: start(), first: 3}
		first.whole(&b)
		second.whole(&b)
		b.Fingerprint, b.Tracker, b.Metrics = []byte{0, 1}, []byte("tracker"), []byte("metrics")
		b.Contracts = []ledger.Contract{ledger.ContractOf(&choreography.Choreography{Name: "order", Hash: "abc", Text: "choreography: order"}, 0)}
		w.commit(t, &b, 11)

		// A flow that the tracker has forgotten is not loaded; one that it never
		// forgot is, as it is after another batch.
		b.Reset()
		gone := second.snapshot()
		gone.State = nil
		b.AddFlow(gone)
		first.events = 4
		first.add(&b, 4)
		b.AddFlow(first.snapshot())
		b.Fingerprint, b.Tracker = []byte{2}, []byte("tracker 2")
		b.Contracts = []ledger.Contract{{Hash: "abc", Name: "order", Text: "other", First: 12}}
		w.commit(t, &b, 13)

		flows, head := live(t, open(t, url))
		require.Equal(t, map[string]ledger.LiveFlow{"order:" + first.id(): {
			Choreography: "order", Rules: "abc", ID: first.id(), Key: "order-1", State: []byte("state of 1 after 4"),
		}}, flows)
		require.Equal(t, ledger.Head{
			Epoch: 1, Position: ledger.Position{LogID: "log-1", Next: 13}, Fingerprint: []byte{2}, Tracker: []byte("tracker 2"),
			Contracts: []ledger.Contract{{Hash: "abc", Name: "order", Text: "choreography: order", First: 0}},
		}, head)
	})
}

// TestLoadReturnsWhatWasCommitted holds Load to a map, whatever the texts are.
func TestLoadReturnsWhatWasCommitted(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		w := takeOver(t, open(t, url))
		model := make(map[string]ledger.LiveFlow)
		text := rapid.OneOf(rapid.SampledFrom([]string{"order", "01J", "", "a\x00b", "a\x00c", "\xff\xfe", strings.Repeat("ü", 400)}), rapid.String())
		rapid.Check(t, func(r *rapid.T) {
			var b ledger.Batch
			for range rapid.IntRange(0, 40).Draw(r, "flows") {
				s := flow.Snapshot{
					Choreography: rapid.SampledFrom([]string{"order", "re\x00turn"}).Draw(r, "choreography"),
					ID:           text.Draw(r, "id"), Key: text.Draw(r, "key"), Rules: text.Draw(r, "rules"),
					Status:  flow.Status(rapid.IntRange(0, 7).Draw(r, "status")),
					Started: after(time.Duration(rapid.IntRange(0, 1e9).Draw(r, "started"))), Updated: start(), First: rapid.Uint64Range(0, 9).Draw(r, "first"),
				}
				if rapid.Bool().Draw(r, "ended") {
					s.Ended = start()
				}
				if rapid.Bool().Draw(r, "startless") {
					s.Started = time.Time{}
				}
				name := s.Choreography + ":" + s.ID
				delete(model, name)
				if rapid.IntRange(0, 4).Draw(r, "forgotten") > 0 {
					s.State = []byte("state " + text.Draw(r, "state"))
					model[name] = ledger.LiveFlow{Choreography: s.Choreography, Rules: s.Rules, ID: s.ID, Key: s.Key, State: s.State}
				}
				b.AddFlow(&s)
			}
			require.NoError(r, w.try(&b, w.at.Next+1))
			flows, head := live(r, w.Ledger)
			require.Empty(r, cmp.Diff(model, flows))
			require.Equal(r, w.at, head.Position)
		})
	})
}

func TestBatchIsAllOrNothing(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		w := takeOver(t, open(t, url))
		var b ledger.Batch
		order{n: 1, events: 8, begin: start()}.whole(&b)
		w.commit(t, &b, 8)
		before := dump(t, w.Ledger)

		// A table that takes no row stands for whatever can go wrong after most
		// of the batch is written.
		blockMarkers(t, url)
		b.Reset()
		order{n: 2, events: 8, begin: start(), first: 8}.whole(&b)
		b.Markers = []ledger.Marker{{Kind: "started", Data: []byte("x")}}
		require.Error(t, w.try(&b, 16))
		require.Equal(t, before, dump(t, w.Ledger))

		b.Markers = nil
		w.commit(t, &b, 16)
		detail, err := w.Flow(t.Context(), "order", order{n: 2}.id())
		require.NoError(t, err)
		require.Len(t, detail.Obligations, 9, "what is remembered as written was not")
		require.Len(t, detail.Events, 8)
	})
}

func TestOnlyOneObserverWrites(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		first := takeOver(t, open(t, url))
		var b ledger.Batch
		first.commit(t, &b, 5)
		second := takeOver(t, open(t, url))
		require.Equal(t, first.epoch+1, second.epoch)
		require.Equal(t, first.at, second.at)

		order{n: 1, events: 1, begin: start()}.whole(&b)
		require.ErrorIs(t, first.try(&b, 6), ledger.ErrConflict, "its epoch is over")
		b.Reset()
		second.commit(t, &b, 7)

		stale := *second
		stale.at.Next = 5
		require.ErrorIs(t, stale.try(&b, 8), ledger.ErrConflict, "the position has moved")
		stale.at = ledger.Position{LogID: "log-2", Next: 7}
		require.ErrorIs(t, stale.try(&b, 8), ledger.ErrConflict, "it is another log")
		second.commit(t, &b, 9)
		flows, _ := live(t, second.Ledger)
		require.Empty(t, flows, "nothing of what was refused is there")
	})
}

func TestObserversThatRace(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		w := takeOver(t, open(t, url))
		const racers, rounds = 4, 10
		ledgers := make([]*ledger.Ledger, racers)
		for i := range ledgers {
			ledgers[i] = open(t, url)
		}
		for round := range rounds {
			errs := make([]error, racers)
			var group sync.WaitGroup
			for i, l := range ledgers {
				group.Go(func() {
					racer := writer{l, w.epoch, w.at}
					var b ledger.Batch
					order{n: round*racers + i, events: 2, begin: start()}.whole(&b)
					errs[i] = racer.try(&b, w.at.Next+2)
				})
			}
			group.Wait()
			won := 0
			for _, err := range errs {
				if err == nil {
					won++
				} else {
					require.ErrorIs(t, err, ledger.ErrConflict)
				}
			}
			require.Equal(t, 1, won)
			w.at = ledger.Position{LogID: "log-1", Next: w.at.Next + 2}
		}
		flows, head := live(t, w.Ledger)
		require.Len(t, flows, rounds)
		require.Equal(t, w.at, head.Position)
	})
}

func TestLoadIsOfOneMoment(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		w := takeOver(t, open(t, url))
		var b ledger.Batch
		order{n: 1, events: 1, begin: start()}.whole(&b)
		w.commit(t, &b, 1)
		_, err := w.Load(t.Context(), func(ledger.LiveFlow) error {
			_, err := w.TakeOver(t.Context())
			return err
		})
		require.ErrorIs(t, err, ledger.ErrConflict)
		stop := errors.New("stop")
		_, err = w.Load(t.Context(), func(ledger.LiveFlow) error { return stop })
		require.ErrorIs(t, err, stop)
	})
}

func TestImpossibleBatchesAreRefused(t *testing.T) {
	w := takeOver(t, open(t, file(t)))
	var b ledger.Batch
	w.commit(t, &b, 0) // the log's id is new
	require.ErrorContains(t, w.try(&b, 0), "must move")
	const far = math.MaxInt64 + 1
	for name, b := range map[string]*ledger.Batch{
		"flow":       {Flows: []flow.Snapshot{{Last: far}}},
		"event":      {Events: []ledger.Event{{Record: flow.Event{Place: flow.Place{Offset: far}}}}},
		"transition": {Transitions: []flow.Transition{{Offset: far}}},
		"failure":    {Failures: []ledger.Failure{{Offset: far}}},
		"marker":     {Markers: []ledger.Marker{{Offset: far}}},
		"contract":   {Contracts: []ledger.Contract{{First: far}}},
		"action":     {Actions: []ledger.Action{{Offset: far}}},
	} {
		require.ErrorContains(t, w.try(b, 1), "is of no stream", name)
	}
	require.ErrorContains(t, w.try(&b, far), "is of no stream")
	require.Error(t, w.Record(t.Context(), ledger.Action{Offset: far, Logged: true}))
	w.commit(t, &b, 1)
}

// TestHostileTextsAreTaken gives every text that a message can bring.
func TestHostileTextsAreTaken(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		w := takeOver(t, open(t, url))
		for i, bad := range []string{"a\x00b", "\xff\xfe\x80", "\x00", "\xed\xa0\x80", strings.Repeat("\x00", 5000), strings.Repeat("ü", 600_000), "'; DROP TABLE flows; --"} {
			due := flow.Due{Step: bad, Service: bad, On: bad, For: []string{bad, bad}}
			finding := flow.Finding{Cause: flow.Parked, Evidence: bad}
			far := time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
			var b ledger.Batch
			b.AddFlow(&flow.Snapshot{
				Choreography: bad, Rules: bad, ID: bad, Key: bad, Reason: bad, State: []byte(bad), Updated: far, Started: time.Unix(-1e12, 0),
				Obligations: []flow.Obligation{{Number: 1, Due: due, State: flow.Open, OverdueSince: start(), Finding: finding}},
			})
			b.Events = []ledger.Event{{
				Record:  flow.Event{ID: bad, Source: bad, Type: bad, Version: bad, CausationID: bad, Time: far, TriggerTime: time.Unix(-5, 0)},
				Entry:   flow.Entry{Choreography: bad, FlowID: bad, Number: 1},
				Payload: bad,
			}}
			for _, kind := range []flow.Kind{flow.Overdue, flow.Deviated, flow.Changed} {
				b.Transitions = append(b.Transitions, flow.Transition{Kind: kind, Choreography: bad, FlowID: bad, Due: due, Finding: finding, Detail: bad})
			}
			b.Failures = []ledger.Failure{{Kind: ledger.FailureKind(bad), Choreography: bad, FlowID: bad, EventID: bad, Type: bad, Service: bad, Error: bad}}
			b.Markers = []ledger.Marker{{Choreography: bad, FlowID: bad, Kind: bad, Data: []byte(bad)}}
			b.Actions = []ledger.Action{{Action: bad, Actor: bad, Choreography: bad, FlowID: bad, Service: bad, EventID: bad, Reason: bad}}
			b.Contracts = []ledger.Contract{{Hash: bad, Name: bad, Text: bad}}
			b.Fingerprint, b.Tracker, b.Metrics = []byte(bad), []byte(bad), []byte(bad)
			w.commit(t, &b, uint64(i)+1)

			detail, err := w.Flow(t.Context(), bad, bad)
			require.NoError(t, err)
			require.Len(t, detail.Events, 1)
			require.True(t, detail.Events[0].Record.Time.IsZero(), "a time that no database has")
			require.Len(t, detail.Obligations, 1)
			require.Len(t, detail.Transitions, 3)
			require.Len(t, detail.Failures, 1)
			for name, filter := range map[string]ledger.Filter{
				"key": {Key: bad}, "id": {FlowID: bad}, "search": {Search: bad}, "choreography": {Choreography: bad},
			} {
				flows, _, err := w.Flows(t.Context(), filter)
				require.NoError(t, err)
				require.Len(t, flows, 1, name)
			}
			flows, _, err := w.Flows(t.Context(), ledger.Filter{Service: bad})
			require.NoError(t, err)
			require.NotEmpty(t, flows)
			require.True(t, flows[0].Updated.IsZero(), "a time that no database has")
			loaded, _ := live(t, w.Ledger)
			require.Equal(t, bad, loaded[bad+":"+bad].Key, "the tracker gets it as it was")
		}
	})
}

// TestVerdictOutlivesLateEvents: what comes for a flow that has ended and is
// forgotten is of a flow without a start, to the tracker.
func TestVerdictOutlivesLateEvents(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		for name, apart := range map[string]bool{"in batches of their own": true, "in one batch": false} {
			t.Run(name, func(t *testing.T) {
				w := takeOver(t, open(t, url))
				o := order{n: map[bool]int{true: 1, false: 2}[apart], events: 7, begin: start(), first: w.at.Next}
				var b ledger.Batch
				next := w.at.Next
				flush := func() {
					next++
					if apart {
						w.commit(t, &b, next)
						b.Reset()
					}
				}
				o.whole(&b)
				flush()
				gone := o.snapshot()
				gone.State = nil
				b.AddFlow(gone)
				flush()
				late := &flow.Snapshot{
					Choreography: "order", Rules: "abc", ID: o.id(), Key: o.key(), Status: flow.Unknown, Updated: after(time.Hour),
					First: 99, Last: 99, Events: 1, State: []byte("late"),
				}
				o.add(&b, 8)
				b.AddFlow(late)
				flush()
				late.Last, late.Events = 100, 2
				b.AddFlow(late)
				next++
				w.commit(t, &b, next)

				d, err := w.Flow(t.Context(), "order", o.id())
				require.NoError(t, err)
				require.Equal(t, flow.Completed, d.Status)
				require.Equal(t, choreography.Completed, d.Outcome)
				require.Equal(t, start(), d.Started)
				require.Equal(t, o.at(6), d.Ended)
				require.Equal(t, after(time.Hour), d.Updated)
				require.Equal(t, 7, d.Flow.Events)
				require.Len(t, d.Events, 8, "the late ones are in the history")
				flows, _ := live(t, w.Ledger)
				require.Equal(t, []byte("late"), flows["order:"+o.id()].State, "the tracker goes on with what it has")

				// With a start it is a flow of its own right.
				late.Started, late.Status = after(2*time.Hour), flow.Running
				b.Reset()
				b.AddFlow(late)
				w.commit(t, &b, next+1)
				d, err = w.Flow(t.Context(), "order", o.id())
				require.NoError(t, err)
				require.Equal(t, flow.Running, d.Status)
				require.True(t, d.Ended.IsZero())
			})
		}
	})
}

func TestClosedLedgerRefuses(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		l, err := ledger.Open(t.Context(), url, ledger.Config{Volatile: true})
		require.NoError(t, err)
		w := takeOver(t, l)
		require.NoError(t, l.Close())
		require.ErrorContains(t, w.try(&ledger.Batch{}, 1), "closed")
		_, err = l.Head(t.Context())
		require.Error(t, err)
	})
}

func TestCommitEndsWithItsContext(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		w := takeOver(t, open(t, url))
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		b := ledger.Batch{Epoch: w.epoch, To: ledger.Position{Next: 1}}
		require.ErrorIs(t, w.Commit(ctx, &b), context.Canceled)
		require.NoError(t, w.Commit(t.Context(), &b), "the same batch again")
	})
}

func TestUnusableURLs(t *testing.T) {
	for _, url := range []string{"mysql://root:s3cret@x/y", "sqlite:/no/such/folder/ledger.db"} {
		_, err := ledger.Open(t.Context(), url, ledger.Config{})
		require.Error(t, err)
		require.NotContains(t, fmt.Sprint(err), "s3cret")
		_, err = ledger.OpenReader(t.Context(), url)
		require.Error(t, err)
	}
	_, err := ledger.OpenReader(t.Context(), file(t))
	require.Error(t, err, "nothing is there")
}
