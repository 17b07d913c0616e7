package observer_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/testenv"
	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
	"github.com/laban-io/laban/pkg/flow"
)

// TestFlowsOfRealServices: one order goes well, another stalls where a service
// parks it, another where a service is not there; a closed one is closed.
func TestFlowsOfRealServices(t *testing.T) {
	b := testenv.RabbitMQ(t)
	w := watch(t, b, options{management: true})
	web, _ := service(t, b, "web", []string{"order.placed"}, nil)
	service(t, b, "payment", []string{"payment.confirmed"}, map[string]reaction{
		"order.placed": func(ctx context.Context, s *bus.Bus, e event.Event) error {
			if strings.HasPrefix(e.Subject, "bad") {
				return errors.New("no such card")
			}
			return s.Publish(ctx, event.New("payment.confirmed", nil))
		},
	})
	_, stopDelivery := service(t, b, "delivery", nil, map[string]reaction{"payment.confirmed": answers("order.shipped")})
	w.sees(t)

	place(t, web, "good-1")
	f := w.becomes(t, "good-1", flow.Completed)
	require.Equal(t, 3, f.Events)

	place(t, web, "bad-1")
	w.becomes(t, "bad-1", flow.Stalled)
	w.cause(t, "bad-1", flow.Parked)

	stopDelivery()
	place(t, web, "late-1")
	w.becomes(t, "late-1", flow.Stalled)
	w.cause(t, "late-1", flow.NoConsumer)

	transitions, end := w.Subscribe(100)
	defer end()
	require.NoError(t, w.CloseFlow(t.Context(), "shop", f2id(t, w, "bad-1"), "refunded by hand", "ann"))
	w.becomes(t, "bad-1", flow.Closed)
	for tr := range transitions {
		if tr.Kind == flow.Shut {
			require.Equal(t, "bad-1", tr.Key)
			break
		}
	}

	service(t, b, "delivery", nil, map[string]reaction{"payment.confirmed": answers("order.shipped")})
	w.becomes(t, "late-1", flow.Completed)
	require.Eventually(t, func() bool { return len(w.Status().Services) == 3 }, patience, 20*time.Millisecond)
	s := w.Status()
	require.Zero(t, s.Log.Gaps)
	require.Empty(t, s.Malformed)
}

func f2id(t *testing.T, w *watching, key string) string {
	t.Helper()
	f, ok := w.flowOf(t, key)
	require.True(t, ok)
	return f.ID
}
