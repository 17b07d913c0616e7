package main

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/testenv"
	"github.com/laban-io/laban/pkg/amqpbus"
	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/choreography"
	"github.com/laban-io/laban/pkg/event"
)

// running runs a service until the test ends, which announces itself at its
// start.
func running(t *testing.T, url, name string, on, emits []string) {
	t.Helper()
	opening, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	quiet := slog.New(slog.DiscardHandler)
	transport, err := amqpbus.Open(opening, amqpbus.Config{URLs: []string{url}, Name: name, Logger: quiet})
	require.NoError(t, err)
	b, err := bus.New(bus.Config{Service: name, Version: "1.0.0", Emits: emits, Logger: quiet}, transport)
	require.NoError(t, err)
	b.HandleFunc(func(context.Context, event.Event) error { return nil }, on...)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- b.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		require.NoError(t, <-ended)
		closing, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		require.NoError(t, transport.Close(closing))
	})
}

// TestCheckLiveNamesTheTutorialsMistake has services as in many a tutorial: one
// emits an event with a small letter, another waits for it with a capital one.
func TestCheckLiveNamesTheTutorialsMistake(t *testing.T) {
	broker := testenv.RabbitMQ(t)
	status, _, errs := laban(t, "check", "--live", "--amqp", broker.URL)
	require.Equal(t, 1, status)
	require.Contains(t, errs, "there is no log events.log: no service on Laban's bus ever ran in this virtual host")

	running(t, broker.URL, "payment", []string{"stockConfirmed"}, []string{"paymentConfirmed", "paymentRejected"})
	running(t, broker.URL, "inventory", []string{"orderPlaced", "PaymentRejected"}, []string{"stockConfirmed"})
	running(t, broker.URL, "order", []string{"paymentConfirmed"}, []string{"orderPlaced"})
	var out string
	require.Eventually(t, func() bool {
		status, out, errs = laban(t, "check", "--live", "--amqp", broker.URL)
		return out == `announcements: error: payment 1.0.0 emits "paymentRejected", and inventory 1.0.0 listens to "PaymentRejected" — did you mean "PaymentRejected"? [near-miss]
    nobody asks for the one by name and nobody emits the other; names of events must be the same to the letter
3 running services: 1 error and 0 warnings
`
	}, 20*time.Second, 10*time.Millisecond, "%s%s", &out, &errs)
	require.Equal(t, 1, status)

	contract := file(t, `choreography: shop
starts: [orderPlaced]
outcomes: {completed: [paymentConfirmed], failed: [paymentRejected]}
reactions:
  - {service: order, emits: [orderPlaced]}
  - {service: inventory, on: [orderPlaced], emits: [stockConfirmed], within: 5s}
  - {service: payment, on: [stockConfirmed], emits: [paymentConfirmed, paymentRejected], within: 5s}
  - {service: inventory, on: [paymentRejected], undoes: stockConfirmed, emits: [stockReturned], within: 5s}
  - {service: order, on: [paymentConfirmed]}
`)
	_, out, _ = laban(t, "check", "--live", "--amqp", broker.URL, contract)
	require.Contains(t, out, contract+`:8:31: error: inventory 1.0.0 does not listen to "paymentRejected", to which it must react — it listens to "PaymentRejected" [not-bound]`)
	require.Contains(t, out, `error: inventory 1.0.0 does not emit "stockReturned", which the contract says it does [does-not-emit]`)
	require.Contains(t, out, "1 file and 3 running services: 2 errors and 0 warnings\n")
}

// TestAClockThatIsFastHidesNobody: one service, or somebody who pretends to be
// one, says that it is next year.
func TestAClockThatIsFastHidesNobody(t *testing.T) {
	broker := testenv.RabbitMQ(t)
	running(t, broker.URL, "payment", nil, []string{"paymentRejected"})
	opening, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	transport, err := amqpbus.Open(opening, amqpbus.Config{URLs: []string{broker.URL}, Name: "fast", Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, transport.Close(context.WithoutCancel(t.Context()))) })
	e := event.New(bus.AnnouncementType, bus.Announcement{Service: "fast", Emits: []string{"x"}})
	e.ID, e.Source, e.Subject, e.Time = event.NewID(), "fast", "fast", time.Now().AddDate(1, 0, 0)
	require.NoError(t, transport.SendToLog(opening, &bus.Message{Event: e, RoutingKey: e.Type, Info: transport.Info()}))
	var out, errs string
	require.Eventually(t, func() bool {
		_, out, errs = laban(t, "check", "--live", "--amqp", broker.URL)
		return strings.Contains(out, "\n2 running services: ")
	}, 20*time.Second, 10*time.Millisecond, "%s%s", &out, &errs)
	require.NotContains(t, errs, "left out")
}

func TestWhoStoppedIsSaidToBeLeftOut(t *testing.T) {
	var said bytes.Buffer
	leftOut(&said, nil)
	require.Empty(t, said.String())
	leftOut(&said, []choreography.Announcement{{Service: "old\x1b", Version: "1", Said: time.Date(2026, 1, 2, 3, 4, 0, 0, time.UTC)}})
	require.Equal(t, "left out, since others announced themselves hours after them, and services do so each hour: \"old\\x1b\" 1 (2026-01-02 03:04 UTC)\n", said.String())
}
