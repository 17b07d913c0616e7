package observer_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/observer"
	"github.com/laban-io/laban/internal/testenv"
	"github.com/laban-io/laban/pkg/event"
	"github.com/laban-io/laban/pkg/flow"
)

// written is a ledger that an observer of a broker has written, with a flow that
// stalled. Its clock is ahead by so much.
func written(t *testing.T, b *testenv.Broker, key string, ahead time.Duration) (url, logID string) {
	t.Helper()
	url = "sqlite:" + filepath.Join(t.TempDir(), key+".db")
	l := openLedger(t, url)
	defer func() { require.NoError(t, l.Close()) }()
	cfg := observerConfig(t, b, l, options{})
	cfg.Wall = func() time.Time { return time.Now().Add(ahead) }
	o, stop := run(t, cfg)
	w := &watching{Observer: o, ledger: l}
	w.sees(t)
	web, stopWeb := service(t, b, "web", nil, nil)
	place(t, web, key)
	w.becomes(t, key, flow.Stalled)
	stopWeb()
	stop()
	return url, o.Status().Log.ID
}

// refused runs an observer that is expected to refuse its log, and returns why.
func refused(t *testing.T, b *testenv.Broker, url string) error {
	t.Helper()
	l := openLedger(t, url)
	defer func() { require.NoError(t, l.Close()) }()
	before := dump(t, l)
	o, err := observer.New(observerConfig(t, b, l, options{}))
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	err = o.Run(ctx)
	require.ErrorIs(t, err, observer.ErrAnotherLog)
	require.Equal(t, before, dump(t, l), "nothing was written")
	return err
}

// TestALedgerOfAnotherLogIsRefused: an observer that was pointed at another broker
// by mistake says so and stops, before it has written anything. It goes on where
// it is told that this is meant.
func TestALedgerOfAnotherLogIsRefused(t *testing.T) {
	here, there := testenv.RabbitMQ(t), testenv.RabbitMQ(t)
	_, thisID := written(t, here, "here", 0)
	url, otherID := written(t, there, "there", 0)
	for range 2 { // what was written into the log by the first one does not help the second
		err := refused(t, here, url)
		require.ErrorContains(t, err, "the ledger is of log "+otherID)
		require.ErrorContains(t, err, "this one calls itself "+thisID)
		require.ErrorContains(t, err, "--replaces-log "+otherID)
	}

	l := openLedger(t, url)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	cfg := observerConfig(t, here, l, options{})
	cfg.ReplacesLog = otherID
	o, stop := run(t, cfg)
	w := &watching{Observer: o, ledger: l}
	w.becomes(t, "there", flow.Unknown)
	w.becomes(t, "here", flow.Stalled)
	w.sees(t)
	require.Equal(t, thisID, o.Status().Log.ID)
	require.EqualValues(t, 1, o.Status().Log.Gaps)
	stop()
	o, stop = run(t, cfg) // the flag may stay: it says nothing of this log
	w = &watching{Observer: o, ledger: l}
	w.sees(t)
	require.EqualValues(t, 1, o.Status().Log.Gaps)
	stop()
}

// TestALogThatIsOlderThanTheLedgerIsRefused: nobody has observed it yet, and it
// has records of a time at which the ledger's log was there.
func TestALogThatIsOlderThanTheLedgerIsRefused(t *testing.T) {
	here, there := testenv.RabbitMQ(t), testenv.RabbitMQ(t)
	url, otherID := written(t, there, "there", 3*time.Hour)
	web, stop := service(t, here, "web", nil, nil)
	require.NoError(t, web.Publish(t.Context(), event.New("noise", nil)))
	stop()
	err := refused(t, here, url)
	require.ErrorContains(t, err, "has records from long before")
	require.ErrorContains(t, err, "--replaces-log "+otherID)
}

// TestALogThatWasMadeAnewWhileItWasObservedIsTaken, also by another observer that
// comes later with the ledger of before: the log says whose place it took.
func TestALogThatWasMadeAnewWhileItWasObservedIsTaken(t *testing.T) {
	b := testenv.RabbitMQ(t)
	first := options{ledger: "sqlite:" + filepath.Join(t.TempDir(), "first.db")}
	w := watch(t, b, first)
	w.sees(t)
	before := w.Status().Log.ID
	second := options{ledger: "sqlite:" + filepath.Join(t.TempDir(), "second.db")}
	w.stop()
	w = watch(t, b, second)
	w.sees(t)
	require.Equal(t, before, w.Status().Log.ID)
	b.DeleteQueue(t, "events.log")
	require.Eventually(t, func() bool { return w.Status().Log.ID != before && w.Status().Log.ID != "" }, 2*patience, 20*time.Millisecond)
	after := w.Status().Log.ID
	w.stop()

	w = watch(t, b, first)
	require.Eventually(t, func() bool { return w.Status().Log.ID == after }, patience, 20*time.Millisecond)
	w.sees(t)
	require.Eventually(t, func() bool {
		head, err := w.ledger.Head(t.Context())
		return err == nil && head.Position.LogID == after
	}, patience, 20*time.Millisecond)
}
