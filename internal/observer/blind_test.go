package observer_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/observer"
	"github.com/laban-io/laban/internal/testenv"
	"github.com/laban-io/laban/pkg/flow"
)

// TestABrokerThatGoesMakesBlind: with the reason; nothing is newly called stalled,
// and the observer recovers alone. That it takes three seconds at most is judged
// by the clock of TestBlindness, which no other program slows down.
func TestABrokerThatGoesMakesBlind(t *testing.T) {
	b := testenv.PrivateRabbitMQ(t)
	const within = 8 * time.Second
	w := watch(t, b, options{contract: strings.ReplaceAll(shop, "within: 1s", "within: 8s")})
	w.sees(t)
	web, _ := service(t, b, "web", nil, nil)
	blind := func(reason observer.BlindReason, since time.Time) {
		t.Helper()
		require.Eventually(t, func() bool { return w.Status().Blind == reason }, patience, 10*time.Millisecond)
		t.Logf("blind after %v: %s", time.Since(since).Round(time.Millisecond), reason)
		require.Less(t, time.Since(since), 15*time.Second)
		require.NotEmpty(t, w.Status().BlindDetail)
	}

	place(t, web, "a")
	placed := time.Now()
	w.becomes(t, "a", flow.Running)
	b.SetMemoryAlarm(t, true)
	blind(observer.BrokerBlocked, time.Now())
	require.Eventually(t, func() bool { return time.Since(placed) > within+2*time.Second }, patience, 100*time.Millisecond)
	f, _ := w.flowOf(t, "a")
	require.Equal(t, flow.Running, f.Status, "its deadline has passed, and nobody has seen it pass")
	b.SetMemoryAlarm(t, false)
	w.sees(t)
	w.becomes(t, "a", flow.Stalled)

	place(t, web, "b")
	w.becomes(t, "b", flow.Running)
	b.Kill(t)
	blind(observer.Unreachable, time.Now())
	f, _ = w.flowOf(t, "b")
	require.Equal(t, flow.Running, f.Status)
	b.Start(t)
	w.sees(t)
	w.becomes(t, "b", flow.Stalled)

	// It is restarted in order: what was placed before is answered after.
	place(t, web, "c")
	w.becomes(t, "c", flow.Running)
	b.Stop(t)
	blind(observer.Unreachable, time.Now())
	b.Start(t)
	w.sees(t)
	payment, _ := service(t, b, "payment", nil, map[string]reaction{"order.placed": answers("payment.rejected")})
	<-payment.Consuming()
	place(t, web, "d")
	require.Zero(t, w.becomes(t, "d", flow.Failed).Stalls)
	require.Equal(t, 1, w.becomes(t, "a", flow.Stalled).Stalls)
	require.Zero(t, w.Status().Log.Gaps)
}
