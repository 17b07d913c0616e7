package demo

import (
	"context"
	"log/slog"

	"github.com/laban-io/laban/internal/observer/source"
	"github.com/laban-io/laban/internal/parked"
	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/membus"
)

// broker is what carries the demo's messages.
type broker interface {
	// String says what it is, without a password.
	String() string
	// leftovers says what earlier runs left behind, a sentence each. It is an
	// error if somebody else consumes what this run is about to.
	leftovers(ctx context.Context, services []string) ([]string, error)
	// open returns a connection for a service; close it when done.
	open(ctx context.Context, service string, log *slog.Logger) (bus.Transport, error)
	// log returns the log to observe, or nil where the observer reaches it by
	// the same URL.
	log() source.Log
	// parked is where messages wait for a person, or nil where the observer
	// reaches them by the same URL.
	parked() parked.Store
	// lost returns how many messages are set aside as lost.
	lost(ctx context.Context) (int, error)
	// close lets go of the broker when all connections are closed.
	close()
}

// memory is a broker in this process.
type memory struct{ broker *membus.Broker }

func newMemory() *memory { return &memory{membus.New(membus.Config{})} }

func (*memory) String() string { return "in memory" }

func (*memory) leftovers(context.Context, []string) ([]string, error) { return nil, nil }

func (m *memory) open(context.Context, string, *slog.Logger) (bus.Transport, error) {
	return m.broker.Connect(), nil
}

func (m *memory) lost(context.Context) (int, error) { return len(m.broker.Lost()), nil }

func (m *memory) close() { m.broker.Close() }
