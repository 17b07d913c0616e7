package observer_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/ledger"
	"github.com/laban-io/laban/internal/observer/source"
	"github.com/laban-io/laban/internal/testenv"
	"github.com/laban-io/laban/pkg/flow"
)

// cut is a log that lost its records from one offset on, before those from
// another on were written in their place. That is found by who reads on from a
// place behind, and is read again from a little before.
type cut struct {
	source.Log
	back, from, to uint64
	most           uint64 // the offset before which reading ends, where it is not 0
}

func (c *cut) Read(ctx context.Context, place source.Place, fn func([]source.Item) error) error {
	if !place.Known || place.Next != c.to {
		return c.Log.Read(ctx, place, fn)
	}
	if err := fn([]source.Item{{Kind: source.Gap, Offset: c.back, Until: c.to, Reason: "cut-short", Detail: "the log lost its end"}}); err != nil {
		return err
	}
	place.Next = c.back
	return c.Log.Read(ctx, place, func(items []source.Item) error {
		left := items[:0]
		for i := range items {
			item := items[i]
			if item.Offset >= c.from && item.Offset < c.to {
				continue
			}
			if item.Offset >= c.to {
				item.Offset -= c.to - c.from
				item.Event.Offset = item.Offset
			}
			left = append(left, item)
		}
		if c.most > 0 && items[0].Offset >= c.most {
			<-ctx.Done()
			return nil
		}
		if len(left) == 0 {
			return nil
		}
		return fn(left)
	})
}

// TestRecordsThatComeAgainAreNotCountedTwice: of a log that lost its end a part is
// read again. What the ledger has of it stays as it is, also of flows that were
// forgotten since; what was written in the place of what was lost is tracked.
func TestRecordsThatComeAgainAreNotCountedTwice(t *testing.T) {
	for name, is := range map[string]struct{ lost, most uint64 }{
		"nothing of what is read again":                   {},
		"a part of it":                                    {lost: 12},
		"nothing, and it is stopped while it reads again": {most: 9},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, m *inMemory) {
				l := fresh(t)
				o, stop := run(t, m.config(t, l))
				pass(time.Second)
				placed := m.emit(t, "web", "order.placed", "done", "", 0)
				confirmed := m.emit(t, "payment", "payment.confirmed", "done", placed, 0)
				m.emit(t, "delivery", "order.shipped", "done", confirmed, 0)
				m.emit(t, "web", "nobody.knows", "x", "", 0)
				pass(20 * time.Second)
				m.emit(t, "web", "order.placed", "open", "", 0)
				pass(3 * time.Second)
				require.Equal(t, flow.Stalled, status(t, l, "open").Status)
				stop()
				before, unclaimed := dump(t, l), o.Status().Unclaimed
				head, err := l.Head(t.Context())
				require.NoError(t, err)

				m.emit(t, "web", "order.placed", "meanwhile", "", 0)
				cfg := m.config(t, l)
				cfg.Log = &cut{Log: cfg.Log, back: 3, from: head.Position.Next - is.lost, to: head.Position.Next, most: is.most}
				o, stop = run(t, cfg)
				if is.most > 0 {
					pass(time.Second)
					stop()
					middle, err := l.Head(t.Context())
					require.NoError(t, err)
					require.Equal(t, is.most, middle.Position.Next)
					o, stop = run(t, m.config(t, l))
				}
				pass(10 * time.Second)
				require.EqualValues(t, 1, o.Status().Log.Gaps)
				require.Equal(t, unclaimed, o.Status().Unclaimed)
				require.Equal(t, flow.Completed, status(t, l, "done").Status)
				require.Equal(t, 3, status(t, l, "done").Events)
				require.Equal(t, flow.Unknown, status(t, l, "open").Status)
				require.Equal(t, 1, status(t, l, "open").Events)
				require.Equal(t, flow.Stalled, status(t, l, "meanwhile").Status)
				require.Equal(t, head.Position.LogID, o.Status().Log.ID, "it is the same log")
				require.Equal(t, about(before, "done"), about(dump(t, l), "done"), "nothing of it was touched")
				next := o.Status().Log.Offset
				stop()

				o, _ = run(t, m.config(t, l)) // which has more offsets than the one that was cut
				pass(5 * time.Second)
				require.EqualValues(t, 1, o.Status().Log.Gaps)
				require.Greater(t, o.Status().Log.Offset, next)
			})
		})
	}
}

// about is what a dump says of a flow.
func about(dump, key string) string {
	var lines []string
	for line := range strings.Lines(dump) {
		if strings.Contains(line, `"`+key+`"`) {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "")
}

// TestALogThatLostItsEnd: the broker's host lost power before the disk had what
// was written last. That is a gap, and not a new log: nothing is counted twice,
// and it is said.
func TestALogThatLostItsEnd(t *testing.T) {
	b := testenv.PrivateRabbitMQ(t)
	o := options{ledger: "sqlite:" + filepath.Join(t.TempDir(), "ledger.db")}
	w := watch(t, b, o)
	w.sees(t)
	web, stopWeb := service(t, b, "web", nil, nil)
	place(t, web, "before")
	w.becomes(t, "before", flow.Stalled)
	id := w.Status().Log.ID
	kept := ofTheLog(t, b, "filelib:file_size(F)")
	place(t, web, "lost")
	w.becomes(t, "lost", flow.Stalled)
	known := w.Status().Log.Committed
	stopWeb()
	cutTheLog(t, b, kept)
	b.Kill(t)
	b.Start(t)

	w.becomes(t, "before", flow.Unknown)
	w.becomes(t, "lost", flow.Unknown)
	w.sees(t)
	s := w.Status()
	require.EqualValues(t, 1, s.Log.Gaps)
	require.Equal(t, id, s.Log.ID, "it is the same log")
	require.Less(t, s.Log.Offset, known+200, "which was not read from its begin, after its end")
	web, _ = service(t, b, "web", nil, nil)
	place(t, web, "after")
	w.becomes(t, "after", flow.Stalled)
	w.stop()

	w = watch(t, b, o)
	w.sees(t)
	require.EqualValues(t, 1, w.Status().Log.Gaps, "it is said once")
	for _, key := range []string{"before", "lost", "after"} {
		flows, _, err := w.ledger.Flows(t.Context(), ledger.Filter{Key: key})
		require.NoError(t, err)
		require.Len(t, flows, 1)
		require.Equal(t, 1, flows[0].Events, key)
		require.Equal(t, 1, flows[0].Stalls, key)
	}
}

// ofTheLog has RabbitMQ find the file that the log is being written to, as F, and
// then do something with it.
func ofTheLog(t *testing.T, b *testenv.Broker, do string) string {
	t.Helper()
	return strings.TrimSpace(b.Control(t, "eval", `{ok, Dir} = application:get_env(osiris, data_dir),
		[F] = filelib:wildcard(filename:join([Dir, "*events_log*", "*.segment"])),`+do+"."))
}

// cutTheLog leaves so many bytes of the log on the disk, and has RabbitMQ write no
// more of it until it is killed.
func cutTheLog(t *testing.T, b *testenv.Broker, bytes string) {
	t.Helper()
	writers := ofTheLog(t, b, `
		Writers = [P || P <- processes(), {dictionary, D} <- [process_info(P, dictionary)], proplists:get_value('$initial_call', D) =:= {osiris_writer, init, 1}],
		Here = self(),
		spawn(fun() -> [erlang:suspend_process(P) || P <- Writers], Here ! suspended, receive after infinity -> ok end end),
		receive suspended -> ok end,
		{ok, Fd} = file:open(F, [read, write, raw, binary]),
		{ok, _} = file:position(Fd, `+bytes+`),
		ok = file:truncate(Fd),
		ok = file:close(Fd),
		length(Writers)`)
	require.NotEqual(t, "0", writers)
}
