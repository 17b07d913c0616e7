package testenv

import (
	"context"
	"sync"
	"testing"

	"github.com/laban-io/laban/internal/testenv/server"
)

// The servers that the tests of this process share. This is the one place
// with state of its own at package level: a process has no other place for
// what all its tests share, and the servers end with the process.
//
//nolint:gochecknoglobals // see above
var (
	sharedRabbitMQ   = once(server.StartRabbitMQ)
	sharedPostgreSQL = once(server.StartPostgreSQL)
	sharedJaeger     = once(server.StartJaeger)
)

// once starts a server at the first call. What went wrong is told to each
// caller.
func once[S any](start func(context.Context) (S, error)) func() (S, error) {
	return sync.OnceValues(func() (S, error) { return start(context.Background()) })
}

// needsServer skips the test in short mode.
func needsServer(t testing.TB) {
	t.Helper()
	if testing.Short() {
		t.Skip("needs a server; not run with -short")
	}
}
