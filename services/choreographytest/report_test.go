package choreographytest

import (
	"fmt"
	"runtime"
	"sync"

	"github.com/stretchr/testify/require"
)

// report takes failures from goroutines that may not end the test themselves.
type report struct {
	mu       sync.Mutex
	failures []string
}

var _ require.TestingT = (*report)(nil)

func (r *report) Errorf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failures = append(r.failures, fmt.Sprintf(format, args...))
}

// FailNow ends the goroutine.
func (r *report) FailNow() { runtime.Goexit() }

func (r *report) require(t require.TestingT) {
	r.mu.Lock()
	defer r.mu.Unlock()
	require.Empty(t, r.failures)
}
