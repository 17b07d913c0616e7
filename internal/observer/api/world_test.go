package api_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/observer/observertest"
	"github.com/laban-io/laban/pkg/choreography"
	"github.com/laban-io/laban/services"
)

// world is an observer of orders, to ask by an API.
type world struct {
	*observertest.World
	t testing.TB
}

func newWorld(t testing.TB) *world {
	t.Helper()
	contract, err := services.Order()
	require.NoError(t, err)
	return &world{observertest.New(t, contract), t}
}

// rules puts another contract in force.
func (w *world) rules(text string) {
	w.t.Helper()
	c, err := choreography.Parse("test.yaml", []byte(text))
	require.NoError(w.t, err)
	w.Rules(c)
}
