package observer_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/testenv"
	"github.com/laban-io/laban/pkg/flow"
)

// TestStraysThatWereDroppedAreTold: the stream of unrouted messages is bounded. An
// observer that was away for too long says how many it can't have seen, and sees
// those that come.
func TestStraysThatWereDroppedAreTold(t *testing.T) {
	b := testenv.RabbitMQ(t)
	b.DeclareQueue(t, "events.unrouted", amqp.Table{"x-queue-type": "stream", "x-max-length-bytes": 200_000, "x-stream-max-segment-size-bytes": 50_000})
	o := options{ledger: "sqlite:" + filepath.Join(t.TempDir(), "ledger.db")}
	web, _ := service(t, b, "web", nil, nil)
	w := watch(t, b, o)
	w.sees(t)
	place(t, web, "before")
	w.becomes(t, "before", flow.Stalled)
	w.cause(t, "before", flow.Unrouted)
	told := func() string {
		for _, e := range w.Status().Evidence {
			if e.Source == "unrouted" && e.Available {
				return e.Detail
			}
		}
		return ""
	}
	require.Equal(t, "from the stream events.unrouted", told())
	w.stop()
	flood(t, b, "events.unrouted", "events.unrouted")

	w = watch(t, b, o)
	require.Eventually(t, func() bool { return strings.Contains(told(), "were dropped before they were read") }, patience, 50*time.Millisecond)
	place(t, web, "after")
	w.becomes(t, "after", flow.Stalled)
	w.cause(t, "after", flow.Unrouted)
}
