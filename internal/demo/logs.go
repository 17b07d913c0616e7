package demo

import (
	"bytes"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
)

// logs takes the log lines of all services. They are no part of what the demo
// shows: they go into a file, if one was asked for, and the last errors are
// shown where something failed. It is safe for concurrent use.
type logs struct {
	mu       sync.Mutex
	file     io.WriteCloser // may be nil
	errors   []string       // the last lines of level error
	warnings []string       // and of level warn
}

// maxKept bounds what is kept of each level.
const maxKept = 20

// openLogs returns logs that also write to a file, if path names one.
func openLogs(path string) (*logs, error) {
	if path == "" {
		return &logs{}, nil
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600) //nolint:gosec // its user names it
	if err != nil {
		return nil, usage("--log-file: %w", err)
	}
	return &logs{file: f}, nil
}

// Write takes one line as slog's text handler writes it.
func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case bytes.Contains(p, []byte(" level=ERROR ")):
		l.errors = keepLast(l.errors, p)
	case bytes.Contains(p, []byte(" level=WARN ")):
		l.warnings = keepLast(l.warnings, p)
	}
	if l.file == nil {
		return len(p), nil
	}
	return l.file.Write(p)
}

func keepLast(lines []string, p []byte) []string {
	if len(lines) == maxKept {
		lines = slices.Delete(lines, 0, 1)
	}
	return append(lines, strings.TrimSpace(string(p)))
}

// logger returns a logger of the demo itself, for what belongs to no service.
func (l *logs) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

// telling returns the lines that may tell why something failed: errors, or
// warnings where there are none.
func (l *logs) telling() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.errors) > 0 {
		return slices.Clone(l.errors)
	}
	return slices.Clone(l.warnings)
}

func (l *logs) close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return nil
	}
	f := l.file
	l.file = nil
	return f.Close()
}
