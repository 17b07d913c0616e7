package stack

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"syscall"
)

// state is what state.json keeps: how the stack was started, and what runs.
type state struct {
	Source    string             `json:"source"`
	Programs  string             `json:"programs"`
	Settings  Settings           `json:"settings"`
	Load      bool               `json:"load"`
	Processes map[string]process `json:"processes"`
}

// Stack is a system in one folder. Its methods are safe for concurrent use.
type Stack struct {
	folder, source, programs string
	settings                 Settings
	withLoad                 bool
	out                      io.Writer

	mu        sync.Mutex
	processes map[string]process
	tether    *tether // nil: the parts go on when this process has ended
}

// ErrNone says that a folder has no stack.
var ErrNone = errors.New("no stack was started in this folder")

// Open returns the stack of a folder, whether it runs or not. What is done is
// told to out.
func Open(folder string, out io.Writer) (*Stack, error) {
	folder, err := filepath.Abs(folder)
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(filepath.Join(folder, "state.json"))
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s", ErrNone, folder)
	}
	if err != nil {
		return nil, fmt.Errorf("read the stack's state: %w", err)
	}
	var st state
	if err := json.Unmarshal(text, &st); err != nil {
		return nil, fmt.Errorf("read the stack's state: %w", err)
	}
	if st.Processes == nil {
		st.Processes = map[string]process{}
	}
	return &Stack{
		folder: folder, source: st.Source, programs: st.Programs, settings: st.Settings, withLoad: st.Load,
		out: out, processes: st.Processes,
	}, nil
}

// save writes the state. s.mu is held.
func (s *Stack) save() error {
	text, err := json.MarshalIndent(state{s.source, s.programs, s.settings, s.withLoad, s.processes}, "", "  ")
	if err != nil {
		return err
	}
	fresh := s.file("state.json.new")
	if err := os.WriteFile(fresh, text, 0o600); err != nil {
		return fmt.Errorf("write the stack's state: %w", err)
	}
	return os.Rename(fresh, s.file("state.json"))
}

// keep remembers a process, or forgets it.
func (s *Stack) keep(name string, p process) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p.PID == 0 {
		delete(s.processes, name)
	} else {
		s.processes[name] = p
	}
	return s.save()
}

func (s *Stack) process(name string) process {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.processes[name]
}

func (s *Stack) file(name string) string { return filepath.Join(s.folder, name) }

// log is where a part's output goes.
func (s *Stack) log(name string) string { return s.file("logs/" + name + ".log") }

// Folder is where everything is.
func (s *Stack) Folder() string { return s.folder }

// makeFolder makes the run folder, which must be its user's own.
func makeFolder(folder string) error {
	if err := os.MkdirAll(folder, 0o711); err != nil { //nolint:gosec // PostgreSQL's user goes through it where it is not this one
		return fmt.Errorf("make the stack's folder: %w", err)
	}
	info, err := os.Stat(folder)
	if err != nil {
		return err
	}
	if owner, ok := info.Sys().(*syscall.Stat_t); ok && int64(owner.Uid) != int64(os.Geteuid()) {
		return fmt.Errorf("%s belongs to somebody else: name another folder", folder)
	}
	return os.MkdirAll(filepath.Join(folder, "logs"), 0o700)
}
