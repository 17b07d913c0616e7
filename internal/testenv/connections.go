package testenv

import (
	"context"
	"slices"
	"testing"
	"time"
)

// CloseConnections closes the connections that the vhost has at this moment,
// as an operator would, and returns how many they were when they are gone. It
// waits for there to be one. They are those of the users that the tests know:
// that of the vhost's address, and those that [Broker.User] has made.
func (b *Broker) CloseConnections(t testing.TB) int {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), requestTimeout)
	defer cancel()
	for {
		names := b.connections(ctx, t)
		if len(names) > 0 {
			b.close(ctx, t, names)
			return len(names)
		}
		select {
		case <-ctx.Done():
			t.Fatalf("there is no connection to close after %v", requestTimeout)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// close closes connections and waits until they are gone. RabbitMQ finds one by
// its name only some time after it was opened, when it has collected statistics,
// and until then says that there is no such connection.
func (b *Broker) close(ctx context.Context, t testing.TB, names []string) {
	t.Helper()
	for left := names; ; {
		for _, name := range left {
			if err := b.management.closeConnection(ctx, name); err != nil {
				t.Fatalf("close a connection: %v", err)
			}
		}
		now := b.connections(ctx, t)
		left = slices.DeleteFunc(left, func(name string) bool { return !slices.Contains(now, name) })
		if len(left) == 0 {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%d connections are still there after %v", len(left), requestTimeout)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// connections returns the names of the connections that there are.
func (b *Broker) connections(ctx context.Context, t testing.TB) []string {
	t.Helper()
	var names []string
	for _, user := range b.users {
		of, err := b.management.connections(ctx, user, b.VHost)
		if err != nil {
			t.Fatalf("list connections: %v", err)
		}
		names = append(names, of...)
	}
	return names
}
