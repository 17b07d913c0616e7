package testenv

import (
	"context"
	"testing"
	"time"
)

// CloseConnections closes the connections that the vhost has at this moment,
// as an operator would, and returns how many they were. It waits for there to
// be one: RabbitMQ may list a connection a little after it was opened.
func (b *Broker) CloseConnections(t testing.TB) int {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), requestTimeout)
	defer cancel()
	for {
		names, err := b.management.connections(ctx, b.VHost)
		if err != nil {
			t.Fatalf("list connections: %v", err)
		}
		for _, name := range names {
			if err := b.management.closeConnection(ctx, name); err != nil {
				t.Fatalf("close a connection: %v", err)
			}
		}
		if len(names) > 0 {
			return len(names)
		}
		select {
		case <-ctx.Done():
			t.Fatalf("there is no connection to close after %v", requestTimeout)
		case <-time.After(50 * time.Millisecond):
		}
	}
}
