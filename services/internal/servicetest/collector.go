package servicetest

import (
	"fmt"
	"runtime"
	"sync"

	"github.com/stretchr/testify/require"
)

// collector takes failures from goroutines that may not fail the test
// themselves.
type collector struct {
	mu       sync.Mutex
	failures []string
}

var _ require.TestingT = (*collector)(nil)

// Errorf notes a failure.
func (c *collector) Errorf(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failures = append(c.failures, fmt.Sprintf(format, args...))
}

// FailNow ends the goroutine.
func (c *collector) FailNow() { runtime.Goexit() }

func (c *collector) report(t require.TestingT) {
	c.mu.Lock()
	defer c.mu.Unlock()
	require.Empty(t, c.failures)
}
