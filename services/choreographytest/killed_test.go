package choreographytest

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/chassis"
	"github.com/laban-io/laban/internal/database"
	"github.com/laban-io/laban/internal/testenv"
	"github.com/laban-io/laban/pkg/amqpbus"
	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
	"github.com/laban-io/laban/services/inventory"
)

// asInventoryVar makes the test binary the inventory service instead.
const asInventoryVar = "LABAN_TEST_AS_INVENTORY"

func runAsInventory() bool {
	if os.Getenv(asInventoryVar) == "" {
		return false
	}
	chassis.Main(inventory.New(inventory.Settings{}).Spec())
	return true
}

// process runs the inventory service as a process of its own, until it is killed.
func process(t *testing.T, broker, db string) (kill func()) {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(self)
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), asInventoryVar+"=1", "AMQP_URL="+broker, "DATABASE_URL="+db,
		"HTTP_ADDR=127.0.0.1:0", "INVENTORY_STOCK=mug=100000", "OTEL_SDK_DISABLED=true", "LOG_LEVEL=error")
	cmd.Stderr = os.Stderr
	require.NoError(t, cmd.Start())
	dead := false
	kill = func() {
		if !dead {
			dead = true
			require.NoError(t, cmd.Process.Kill())
			_ = cmd.Wait() // it was killed
		}
	}
	t.Cleanup(kill)
	return kill
}

// TestAServiceThatIsKilledHasItsEffectsOnce kills a service right after it has
// committed what it did, again and again: whatever it had not acknowledged by
// then comes again, and what it had not published yet is published by the next.
func TestAServiceThatIsKilledHasItsEffectsOnce(t *testing.T) {
	const orders, kills = 400, 6
	broker, url := testenv.RabbitMQ(t), testenv.PostgreSQL(t)
	db, _, err := database.Open(t.Context(), url)
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()

	kill := process(t, broker.URL, url)
	on := infrastructure{connect: func(t *testing.T, service string) bus.Transport {
		transport, err := amqpbus.Open(t.Context(), amqpbus.Config{URLs: []string{broker.URL}, Name: service})
		require.NoError(t, err)
		return transport
	}}
	s := &system{journal: newJournal()}
	s.followLog(t, on)
	require.Eventually(t, func() bool {
		return broker.QueueExists(t, "inventory") && broker.Consumers(t, "inventory") == 1
	}, patience, 50*time.Millisecond)

	shop := on.connect(t, "order")
	defer func() { require.NoError(t, shop.Close(context.Background())) }()
	b, err := bus.New(bus.Config{Service: "order"}, shop)
	require.NoError(t, err)
	var ids []string
	for i := range orders {
		id := fmt.Sprintf("order-%d", i)
		ids = append(ids, id)
		ctx, _ := b.StartFlow(t.Context(), "order", id)
		require.NoError(t, b.Publish(ctx, event.New("order.placed", map[string]any{
			"order_id": id, "customer_email": "a@shop.example", "amount": 100, "currency": "EUR", "payment_token": "tok_approve", "ship_to": "here",
			"items": []map[string]any{{"sku": "mug", "quantity": 1, "unit_price": 100}},
		}).WithSubject(id)))
	}
	for n := range kills {
		least := (n + 1) * orders / (kills + 2)
		until(t, db, func(reserved int) bool { return reserved >= least })
		<-time.After(rand.N(3 * time.Millisecond)) // anywhere between a commit and what follows
		kill()
		kill = process(t, broker.URL, url)
	}
	for _, id := range ids {
		s.journal.untilHas(t, id, "stock.confirmed")
	}
	require.Eventually(t, func() bool { // nothing is left to be handled or published
		var backlog int
		require.NoError(t, db.QueryRowContext(t.Context(), `SELECT count(*) FROM outbox`).Scan(&backlog))
		return backlog == 0 && broker.QueueLength(t, "inventory") == 0 && broker.Unacknowledged(t, "inventory") == 0
	}, patience, 50*time.Millisecond)
	for _, id := range ids {
		var answers int
		for _, e := range s.journal.of(id) {
			if e.Type != "order.placed" {
				answers++
			}
		}
		require.Equal(t, 1, answers, "order %s is answered once", id)
	}
	var taken int
	require.NoError(t, db.QueryRowContext(t.Context(), `SELECT initial - available FROM stock WHERE sku = 'mug'`).Scan(&taken))
	require.Equal(t, orders, taken)
	require.Empty(t, s.journal.parked())
}

// until waits until the database has what is asked for.
func until(t *testing.T, db *sql.DB, so func(reserved int) bool) {
	t.Helper()
	require.Eventually(t, func() bool {
		var reserved int
		err := db.QueryRowContext(t.Context(), `SELECT count(*) FROM reservations`).Scan(&reserved)
		return err == nil && so(reserved)
	}, patience, time.Millisecond)
}
