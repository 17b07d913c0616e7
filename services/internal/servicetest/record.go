package servicetest

import (
	"bytes"
	"sync"
)

// record is what a service has logged.
type record struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write adds a line.
func (r *record) Write(line []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(line)
}

// Log returns what the service has logged, at all levels.
func (b *Bench) Log() string {
	b.log.mu.Lock()
	defer b.log.mu.Unlock()
	return b.log.text.String()
}
