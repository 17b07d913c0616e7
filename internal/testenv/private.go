package testenv

import (
	"context"
	"testing"
	"time"

	"github.com/laban-io/laban/internal/testenv/server"
)

// PrivateRabbitMQ returns a vhost of a node that only this test has, so that
// it may stop and start it. The node is ended when the test has. It takes
// several seconds to start; use [RabbitMQ] wherever a vhost will do.
func PrivateRabbitMQ(t testing.TB) *Broker {
	t.Helper()
	needsServer(t)
	node, err := server.StartRabbitMQ(t.Context())
	if err != nil {
		t.Fatalf("this test needs a RabbitMQ of its own: %v", err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the end of RabbitMQ's log:\n%s", node.Log())
		}
		node.Close()
	})
	b := newBroker(t, node.URL(), node.ManagementURL())
	b.node = node
	return b
}

// private returns the node, or fails the test where it is shared.
func (b *Broker) private(t testing.TB) *server.RabbitMQ {
	t.Helper()
	if b.node == nil {
		t.Fatal("other tests use this RabbitMQ, too: use testenv.PrivateRabbitMQ")
	}
	return b.node
}

// Stop shuts the node down in order. It keeps its data.
func (b *Broker) Stop(t testing.TB) {
	t.Helper()
	if err := b.private(t).Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// Kill ends the node by SIGKILL. It keeps what it had written.
//
// Before that, which takes about a second, it has the node write its directory
// of quorum queues. RabbitMQ does so only now and then: a queue declared just
// before a crash is there afterwards, but never answers (seen with 3.10.8),
// and no test here is about that.
func (b *Broker) Kill(t testing.TB) {
	t.Helper()
	node := b.private(t)
	if _, err := node.Control(t.Context(), "eval", "[dets:sync(T) || T <- dets:all()]."); err != nil {
		t.Fatal(err)
	}
	if err := node.Kill(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// Start starts the node after Stop or Kill, at the same address, and returns
// when it accepts connections.
func (b *Broker) Start(t testing.TB) {
	t.Helper()
	if err := b.private(t).Start(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// Restart is Stop, then Start.
func (b *Broker) Restart(t testing.TB) {
	t.Helper()
	b.Stop(t)
	b.Start(t)
}

// SetMemoryAlarm raises or clears the node's memory alarm, and returns when it
// holds: while it is raised, the node takes nothing from connections that
// publish.
func (b *Broker) SetMemoryAlarm(t testing.TB, on bool) {
	t.Helper()
	watermark := "0.4" // RabbitMQ's default
	if on {
		watermark = "0" // is documented to block all publishing
	}
	ctx, cancel := context.WithTimeout(t.Context(), requestTimeout)
	defer cancel()
	if _, err := b.private(t).Control(ctx, "set_vm_memory_high_watermark", watermark); err != nil {
		t.Fatal(err)
	}
	for {
		alarm, err := b.management.alarms(ctx)
		if err != nil {
			t.Fatalf("ask whether there is an alarm: %v", err)
		}
		if alarm == on {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("the memory alarm was to be %t and is not after %v", on, requestTimeout)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// Control runs rabbitmqctl with the arguments and returns what it prints.
func (b *Broker) Control(t testing.TB, args ...string) string {
	t.Helper()
	out, err := b.private(t).Control(t.Context(), args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
