package stack

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
)

// Stop ends one part, and returns when it has ended.
func (s *Stack) Stop(ctx context.Context, name string) error {
	p, err := s.part(name)
	if err != nil {
		return err
	}
	return s.stop(ctx, p)
}

func (s *Stack) stop(ctx context.Context, p part) error {
	running := s.process(p.name)
	if err := running.end(ctx, p.signal, p.patience); err != nil {
		return fmt.Errorf("end %s: %w", p.name, err)
	}
	s.tether.untie(running)
	return s.keep(p.name, process{})
}

// Down ends all parts, each before those that it needs, and returns when none is
// left. Data and logs stay.
func (s *Stack) Down(ctx context.Context) error {
	parts := s.parts()
	gone := make(map[string]chan struct{}, len(parts))
	for _, p := range parts {
		gone[p.name] = make(chan struct{})
	}
	var works sync.WaitGroup
	errs := make([]error, len(parts))
	for i, p := range parts {
		works.Go(func() {
			defer close(gone[p.name])
			for _, other := range parts {
				if slices.Contains(other.after, p.name) {
					<-gone[other.name]
				}
			}
			errs[i] = s.stop(ctx, p)
		})
	}
	works.Wait()
	s.tether.cut()
	return errors.Join(errs...)
}

// Remove removes the folder of a stack that does not run.
func (s *Stack) Remove() error {
	if running := s.running(); len(running) > 0 {
		return fmt.Errorf("%v still run", running)
	}
	return os.RemoveAll(s.folder)
}

// running returns the names of the parts that run.
func (s *Stack) running() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var names []string
	for name, p := range s.processes {
		if p.runs() {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
