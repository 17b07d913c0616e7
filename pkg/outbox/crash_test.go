package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
	"github.com/laban-io/laban/pkg/outbox"
)

var errCrash = errors.New("the process is dead")

// life is one life of a process. It dies at the n-th step that it takes: then
// nothing that it does has an effect any more.
type life struct {
	left atomic.Int64
}

func newLife(steps int) *life {
	l := &life{}
	l.left.Store(int64(steps))
	return l
}

// step takes a step, and returns errCrash from the fatal one on.
func (l *life) step() error {
	if l.left.Add(-1) < 0 {
		return errCrash
	}
	return nil
}

func (l *life) dead() bool { return l.left.Load() < 0 }

// answer crashes before a message arrives, or after it and before the answer.
func (l *life) answer(int, *bus.Message) reply {
	if l.step() != nil {
		return reply{lost: true, err: bus.ErrUnreachable}
	}
	if l.step() != nil {
		return reply{err: bus.ErrUnconfirmed} // it has arrived
	}
	return reply{}
}

// TestAnyCrashLeavesEffectsOnceAndEventsPublished lets a process receive
// messages and publish what follows from them, and die between any two steps,
// again and again. In the end each message must have had its effect once, and
// exactly the events of committed transactions must have been published, in
// order within a key.
func TestAnyCrashLeavesEffectsOnceAndEventsPublished(t *testing.T) {
	onEach(t, func(t *testing.T, db testDB) {
		rapid.Check(t, func(rt *rapid.T) {
			for _, table := range []string{"outbox", "inbox", "effects"} {
				if _, err := db.Exec("DELETE FROM " + table); err != nil {
					rt.Fatal(err)
				}
			}
			arrivals := &broker{}
			w := &world{rt: rt, db: db, arrivals: arrivals, acked: map[string]bool{}}
			for i := range rapid.IntRange(1, 12).Draw(rt, "messages") {
				w.incoming = append(w.incoming, evt(fmt.Sprintf("in-%02d", i), string(rune('a'+i%3))))
			}
			for i, steps := range rapid.SliceOfN(rapid.IntRange(0, 40), 0, 5).Draw(rt, "lives") {
				w.live(t, i, newLife(steps))
			}
			w.live(t, 99, newLife(1<<40)) // nothing fails any more
			w.judge()
		})
	})
}

type world struct {
	rt       *rapid.T
	db       testDB
	arrivals *broker
	incoming []event.Event
	acked    map[string]bool
}

// live runs a process until it dies, or has done everything.
func (w *world) live(t *testing.T, number int, l *life) {
	w.arrivals.mu.Lock()
	w.arrivals.answer = l.answer
	w.arrivals.mu.Unlock()
	ob := w.db.newOutbox(t, w.arrivals, outbox.Config{
		Window: 4, Lease: 15 * time.Millisecond, PollInterval: 2 * time.Millisecond,
		MinBackoff: time.Millisecond, MaxBackoff: 2 * time.Millisecond, DrainTimeout: time.Millisecond,
	})
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	relayed := make(chan struct{})
	go func() {
		defer close(relayed)
		ob.RunFaulty(ctx, l.step, l.step)
	}()

	handler := ob.Inbox()(bus.HandlerFunc(func(ctx context.Context, e event.Event) error {
		tx, _ := outbox.TxFrom(ctx)
		var out []string
		for i := range 1 + len(e.ID)%2 {
			// Made anew at each attempt, as a service would.
			out = append(out, fmt.Sprintf("%s/%d.%d", e.ID, number, i))
		}
		for _, id := range out {
			if err := addEffect(ctx, tx, id); err != nil {
				return err
			}
			if err := l.step(); err != nil {
				return err
			}
			if err := ob.Publish(ctx, evt(id, e.Subject)); err != nil {
				return err
			}
		}
		return l.step()
	}))
	for _, e := range w.incoming {
		if l.dead() {
			break
		}
		if w.acked[e.ID] {
			continue
		}
		err := handler.Handle(ctx, e)
		if err != nil && !errors.Is(err, errCrash) {
			w.rt.Fatalf("handle %s: %v", e.ID, err)
		}
		if err == nil && l.step() == nil { // else it has died before the acknowledgement
			w.acked[e.ID] = true
		}
	}
	require.Eventually(w.rt, func() bool {
		var pending int
		err := w.db.QueryRow("SELECT count(*) FROM outbox").Scan(&pending)
		return l.dead() || err == nil && pending == 0
	}, patience, time.Millisecond, "everything is published, unless the process dies")
	cancel()
	<-relayed
}

// judge compares what was committed with what has arrived.
func (w *world) judge() {
	effects := map[string]bool{}
	effectsOf := map[string]map[string]bool{} // message → lives in which it had an effect
	rows, err := w.db.Query("SELECT id FROM effects")
	if err != nil {
		w.rt.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			w.rt.Fatal(err)
		}
		if effects[id] {
			w.rt.Fatalf("%s took effect twice", id)
		}
		effects[id] = true
		message, rest, _ := strings.Cut(id, "/")
		life, _, _ := strings.Cut(rest, ".")
		if effectsOf[message] == nil {
			effectsOf[message] = map[string]bool{}
		}
		effectsOf[message][life] = true
	}
	if err := rows.Err(); err != nil {
		w.rt.Fatal(err)
	}
	for _, e := range w.incoming {
		if n := len(effectsOf[e.ID]); n != 1 {
			w.rt.Fatalf("%s took effect %d times", e.ID, n)
		}
	}

	arrived := map[string]bool{}
	last := map[string]string{} // the newest id of a key that has arrived
	for _, m := range w.arrivals.messages() {
		id, key := m.Event.ID, m.Event.Subject
		if !arrived[id] {
			// Messages are handled in the order of their ids.
			if id < last[key] {
				w.rt.Fatalf("%s was published after %s", id, last[key])
			}
			last[key] = id
		}
		arrived[id] = true
	}
	want, got := slices.Sorted(maps.Keys(effects)), slices.Sorted(maps.Keys(arrived))
	if !slices.Equal(want, got) {
		w.rt.Fatalf("committed %v\npublished %v", want, got)
	}
}
