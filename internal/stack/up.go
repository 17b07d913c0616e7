package stack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// Config says how to start a stack.
type Config struct {
	// Folder is where everything goes. What is there from an earlier run (orders,
	// traces' metrics) goes on.
	Folder string
	// Source is the repository, Programs the folder with its built commands.
	Source, Programs string
	// Settings are those of [ReadSettings].
	Settings Settings
	// FreePorts takes ports that nobody listens on instead of those of Settings.
	FreePorts bool
	// Load places orders.
	Load bool
	// Tethered ends everything when this process ends, however it does.
	Tethered bool
	// Out is told what happens.
	Out io.Writer
}

// startTimeout is how long one part may take until it is ready.
const startTimeout = 3 * time.Minute

// Up starts a stack and returns when all of it is ready. Where that fails,
// nothing of it is left running.
func Up(ctx context.Context, c Config) (*Stack, error) {
	folder, err := filepath.Abs(c.Folder)
	if err != nil {
		return nil, err
	}
	if old, err := Open(folder, c.Out); err == nil {
		if running := old.running(); len(running) > 0 {
			return nil, fmt.Errorf("a stack runs in %s already (%s): see its status, or end it first", folder, strings.Join(running, ", "))
		}
	} else if !errors.Is(err, ErrNone) {
		return nil, err
	}
	if err := makeFolder(folder); err != nil {
		return nil, err
	}
	s := &Stack{
		folder: folder, source: c.Source, programs: c.Programs, settings: maps.Clone(c.Settings), withLoad: c.Load, out: c.Out,
		processes: map[string]process{},
	}
	if c.FreePorts {
		if err := s.settings.useFreePorts(ctx); err != nil {
			return nil, err
		}
	} else if err := s.checkPorts(ctx); err != nil {
		return nil, err
	}
	if err := s.configure(); err != nil {
		return nil, err
	}
	if c.Tethered {
		if s.tether, err = newTether(); err != nil {
			return nil, err
		}
	}
	if err := s.startAll(ctx); err != nil {
		return nil, errors.Join(err, s.Down(context.WithoutCancel(ctx)))
	}
	return s, nil
}

// checkPorts finds out early, and by its variable, which port is taken.
func (s *Stack) checkPorts(ctx context.Context) error {
	var taken []string
	for _, name := range s.settings.portNames() {
		if accepts(s.settings.at(name))(ctx) == nil {
			taken = append(taken, name+"="+s.settings[name])
		}
	}
	if len(taken) > 0 {
		return fmt.Errorf("something listens already at %s: set these variables to other ports, or have free ones taken by --free-ports (make stack ARGS=\"up --free-ports\")", strings.Join(taken, ", "))
	}
	return nil
}

// parts returns all parts.
func (s *Stack) parts() []part {
	all := []part{s.epmd(), s.rabbitMQ(), s.postgreSQL(), s.jaeger(), s.mail(), s.alertmanager(), s.prometheus()}
	for _, name := range slices.Sorted(maps.Keys(services())) {
		all = append(all, s.service(name))
	}
	all = append(all, s.observer())
	if grafana, ok := s.grafana(); ok {
		all = append(all, grafana)
	}
	if s.withLoad {
		all = append(all, s.load())
	}
	return all
}

func (s *Stack) part(name string) (part, error) {
	var names []string
	for _, p := range s.parts() {
		if p.name == name {
			return p, nil
		}
		names = append(names, p.name)
	}
	return part{}, fmt.Errorf("the stack has no part %q; it has %s", name, strings.Join(names, ", "))
}

// startAll starts each part as soon as those that it needs are ready.
func (s *Stack) startAll(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	parts := s.parts()
	ready := make(map[string]chan struct{}, len(parts))
	for _, p := range parts {
		ready[p.name] = make(chan struct{})
	}
	var works sync.WaitGroup
	errs := make([]error, len(parts))
	for i, p := range parts {
		works.Go(func() {
			for _, need := range p.after {
				select {
				case <-ready[need]:
				case <-ctx.Done():
					return
				}
			}
			if errs[i] = s.start(ctx, p); errs[i] != nil {
				cancel()
				return
			}
			close(ready[p.name])
		})
	}
	works.Wait()
	// The first failure ends the others' waiting, which says nothing.
	var first, rest []error
	for _, err := range errs {
		if errors.Is(err, context.Canceled) {
			rest = append(rest, err)
		} else if err != nil {
			first = append(first, err)
		}
	}
	if len(first) > 0 {
		return errors.Join(first...)
	}
	return errors.Join(append(rest, context.Cause(ctx))...)
}

// start starts a part and waits until it is ready.
func (s *Stack) start(ctx context.Context, p part) error {
	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if p.prepare != nil {
		if err := p.prepare(ctx); err != nil {
			return fmt.Errorf("prepare %s: %w", p.name, err)
		}
	}
	if p.ready != nil && p.ready(ctx) == nil {
		return fmt.Errorf("start %s: something that is not this stack's answers in its place already", p.name)
	}
	cmd, err := p.command()
	if err != nil {
		return fmt.Errorf("start %s: %w", p.name, err)
	}
	started, err := launch(cmd, s.log(p.name))
	s.tether.tie(started)
	if err := errors.Join(err, s.keep(p.name, started)); err != nil {
		return fmt.Errorf("start %s: %w", p.name, err)
	}
	err = until(ctx, func() error {
		if !started.runs() {
			return endedError{fmt.Errorf("it has ended; the end of %s:\n%s", s.log(p.name), tail(s.log(p.name)))}
		}
		if p.ready == nil {
			return nil
		}
		return p.ready(ctx)
	})
	if err == nil && p.settle != nil {
		err = p.settle(ctx)
	}
	if err != nil {
		return fmt.Errorf("start %s: %w", p.name, err)
	}
	s.say("%-12s ready after %4.1f s", p.name, time.Since(began).Seconds())
	return nil
}

// Start starts one part, and returns when it is ready.
func (s *Stack) Start(ctx context.Context, name string) error {
	p, err := s.part(name)
	if err != nil {
		return err
	}
	if s.process(name).runs() {
		return fmt.Errorf("%s runs already", name)
	}
	return s.start(ctx, p)
}

func (s *Stack) say(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprintf(s.out, format+"\n", args...)
}

// tail returns the last lines of a file.
func tail(path string) string {
	const most = 2 << 10
	text, err := os.ReadFile(path)
	if err != nil {
		return "(there is none)"
	}
	if len(text) > most {
		text = text[len(text)-most:]
		_, rest, _ := strings.Cut(string(text), "\n")
		return rest
	}
	return string(text)
}
