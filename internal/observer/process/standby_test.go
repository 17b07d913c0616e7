package process_test

import (
	"net/http"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/ledger"
	"github.com/laban-io/laban/internal/testenv"
	"github.com/laban-io/laban/pkg/event"
	"github.com/laban-io/laban/pkg/flow"
)

// TestAStandbyTakesOverFromOneThatIsKilled within seconds, on the ledger that
// both have, without a stall that is none and without a gap; before that it tells
// of no flow in its metrics.
func TestAStandbyTakesOverFromOneThatIsKilled(t *testing.T) {
	b := newBench(t, testenv.PostgreSQL(t))
	web := b.bus(t, "web", "", "")
	place := func(key string) {
		ctx, _ := web.StartFlow(t.Context(), "shop", key)
		require.NoError(t, web.Publish(ctx, event.New("order.placed", nil).WithSubject(key)))
	}
	l, err := ledger.Open(t.Context(), b.cfg.Ledger, ledger.Config{})
	require.NoError(t, err)
	defer func() { require.NoError(t, l.Close()) }()
	is := func(key string, want flow.Status) {
		require.Eventually(t, func() bool {
			found, _, err := l.Flows(t.Context(), ledger.Filter{Key: key})
			return err == nil && len(found) == 1 && found[0].Status == want
		}, patience, 20*time.Millisecond, key)
	}
	first := b.start(t, t.Output())
	place("a")
	is("a", flow.Running)

	t.Setenv("OTEL_SDK_DISABLED", "true")
	standby, _ := b.serveUntil(t)
	defer http.DefaultClient.CloseIdleConnections()
	require.Eventually(t, func() bool { return strings.Contains(get(t, standby+"/api/v1/status"), `"role":"standby"`) }, patience, 50*time.Millisecond)
	require.NotContains(t, get(t, standby+"/metrics"), "\nlaban_flows_in_flight")
	head, err := l.Head(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, 1, head.Epoch)

	require.NoError(t, first.Process.Signal(syscall.SIGKILL))
	require.Error(t, first.Wait())
	killed := time.Now()
	require.Eventually(t, func() bool {
		now, err := l.Head(t.Context())
		return err == nil && now.Epoch == 2 && now.Position.Next > head.Position.Next
	}, patience, 10*time.Millisecond)
	took := time.Since(killed)
	t.Logf("it had taken over %v after the first one was killed", took.Round(time.Millisecond))
	require.Less(t, took, 30*time.Second)
	underWay := regexp.MustCompile(`(?m)^laban_flows_in_flight\{choreography="shop",status="(running|stalled)"\} 1$`)
	require.Eventually(t, func() bool { return underWay.MatchString(get(t, standby+"/metrics")) }, patience, 50*time.Millisecond)
	place("b")
	is("b", flow.Running)
	is("a", flow.Stalled)
	is("b", flow.Stalled)
	require.NotContains(t, get(t, standby+"/metrics"), "\nlaban_log_gaps_total 1")
}
