package outbox_test

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
	"github.com/laban-io/laban/pkg/outbox"
)

// carrier is a hook that carries a trace through storage and shows in which
// one a message is published.
type carrier struct{}

type traceKey struct{}

func (carrier) Inject(ctx context.Context, headers map[string]string) {
	if trace, ok := ctx.Value(traceKey{}).(string); ok {
		headers["traceparent"] = trace
	}
}

func (carrier) Extract(ctx context.Context, headers map[string]string) context.Context {
	return context.WithValue(ctx, traceKey{}, headers["traceparent"])
}

// PublishStart makes a span of its own, as tracing does.
func (carrier) PublishStart(ctx context.Context, m *bus.Message) context.Context {
	trace, _ := ctx.Value(traceKey{}).(string)
	m.SetHeader("traceparent", trace+"/publish")
	return ctx
}

func (carrier) PublishEnd(context.Context, *bus.Message, time.Duration, error) {}

func TestNothingOfTheContextIsLost(t *testing.T) {
	onEach(t, func(t *testing.T, db testDB) {
		b := &broker{answer: func(n int, _ *bus.Message) reply {
			if n == 0 { // the second attempt must be in the trace, too
				return reply{err: bus.ErrRejected}
			}
			return reply{}
		}}
		ob := db.newOutbox(t, b, outbox.Config{MinBackoff: time.Millisecond, MaxBackoff: time.Millisecond}, carrier{})
		ctx := context.WithValue(t.Context(), traceKey{}, "trace-1")
		ctx = bus.WithFlow(ctx, bus.Flow{Name: "order", ID: "F1", Key: "1042"})
		before := time.Now()
		require.NoError(t, ob.Transact(ctx, func(ctx context.Context, _ *sql.Tx) error {
			e := event.New("order.placed", map[string]int{"amount": 4900})
			e.Extensions = map[string]string{"region": "eu"}
			e.CausationID, e.TriggerTime = "cause-1", before.Add(-time.Second)
			return ob.Publish(ctx, e)
		}))
		after := time.Now()
		run(t, ob)
		require.Eventually(t, func() bool { return len(b.ids()) == 1 }, patience, time.Millisecond)

		m := b.messages()[0]
		require.Equal(t, "trace-1/publish", m.Headers["traceparent"], "published in the trace it was made in, at every attempt")
		require.Equal(t, "order.placed", m.RoutingKey)
		require.Equal(t, "events", m.Exchange)
		e := m.Event
		require.NoError(t, e.Validate())
		require.Equal(t, "order:F1", e.Flow())
		require.Equal(t, "1042", e.Subject)
		require.Equal(t, "shop", e.Source)
		require.Equal(t, "1.2.3", e.ServiceVersion)
		require.Equal(t, "cause-1", e.CausationID)
		require.True(t, e.TriggerTime.Equal(before.Add(-time.Second)), "to the nanosecond")
		require.False(t, e.Time.Before(before) || e.Time.After(after), "the time it was made, not published")
		require.Equal(t, map[string]string{"region": "eu"}, e.Extensions)
		require.JSONEq(t, `{"amount":4900}`, string(e.Data))
		require.Equal(t, event.ContentTypeJSON, e.DataContentType)
	})
}

// TestEveryEventComesOutAsItWentIn stores arbitrary valid events.
func TestEveryEventComesOutAsItWentIn(t *testing.T) {
	onEach(t, func(t *testing.T, db testDB) {
		text := rapid.StringMatching(`[\p{L}\p{N}"'\\<>&{}$%;: -]{0,40}`)
		some := rapid.StringMatching(`[\p{L}\p{N}"'\\<>&{}$%;: -]{1,40}`)
		moment := rapid.Custom(func(t *rapid.T) time.Time {
			return time.Unix(rapid.Int64Range(0, 4e9).Draw(t, "s"), rapid.Int64Range(0, 999_999_999).Draw(t, "ns")).UTC()
		})
		headers := rapid.MapOf(some, rapid.String())
		rapid.Check(t, func(rt *rapid.T) {
			var want event.Event
			want.Type, want.Source = some.Draw(rt, "type"), some.Draw(rt, "source")
			want.ID = event.NewID()
			want.Subject, want.Time = text.Draw(rt, "subject"), moment.Draw(rt, "time")
			if rapid.Bool().Draw(rt, "flow") {
				want.FlowName, want.FlowID = some.Draw(rt, "flow name"), some.Draw(rt, "flow id")
			}
			want.CausationID, want.ServiceVersion = text.Draw(rt, "causation"), "1.2.3"
			if want.CausationID != "" {
				want.TriggerTime = moment.Draw(rt, "trigger time")
			}
			want.DataContentType, want.DataSchema = text.Draw(rt, "content type"), text.Draw(rt, "schema")
			want.Extensions = rapid.MapOfN(rapid.StringMatching(`x[a-z0-9]{1,8}`), text, 0, 4).Draw(rt, "extensions")
			want.Data = rapid.SliceOf(rapid.Byte()).Draw(rt, "data")
			wantHeaders := headers.Draw(rt, "headers")

			b := &broker{}
			ob := db.newOutbox(t, b, outbox.Config{}, injector(wantHeaders))
			publish(t, ob, want)
			ctx, cancel := context.WithCancel(context.Background())
			cancel() // so that Run only drains
			require.NoError(t, ob.Run(ctx))

			got := b.messages()
			require.Len(t, got, 1)
			options := []cmp.Option{cmpopts.EquateEmpty(), cmpopts.IgnoreUnexported(event.Event{})}
			if diff := cmp.Diff(want, got[0].Event, options...); diff != "" {
				rt.Fatalf("event (-stored +published):\n%s", diff)
			}
			if diff := cmp.Diff(wantHeaders, got[0].Headers, options...); diff != "" {
				rt.Fatalf("headers (-stored +published):\n%s", diff)
			}
		})
	})
}

// injector is a propagator of fixed headers.
type injector map[string]string

func (i injector) Inject(_ context.Context, headers map[string]string) { maps.Copy(headers, i) }
func (i injector) Extract(ctx context.Context, _ map[string]string) context.Context {
	return ctx
}

func TestManyEventsAreStoredInOrder(t *testing.T) {
	onEach(t, func(t *testing.T, db testDB) {
		b := &broker{}
		ob := db.newOutbox(t, b, outbox.Config{})
		var events []event.Event
		var want []string
		for i := range 456 { // more than one statement stores, and one claim takes
			want = append(want, fmt.Sprint(i))
			events = append(events, evt(fmt.Sprint(i), "k"))
		}
		publish(t, ob, events...)
		run(t, ob)
		require.Eventually(t, func() bool { return b.calls() == len(want) }, patience, time.Millisecond)
		require.Equal(t, want, b.ids())
	})
}
