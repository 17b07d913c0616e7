package amqpbus

import (
	"errors"
	"fmt"
	"sync"
)

// roles knows how the sessions of a transport are.
type roles struct {
	mu  sync.Mutex
	all []*roleState
}

// roleState is how one supervised session is.
type roleState struct {
	name string
	mu   *sync.Mutex
	err  error // nil: it works
}

var errConnecting = errors.New("connecting")

func (r *roles) add(name string) *roleState {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := &roleState{name: name, mu: &r.mu, err: errConnecting}
	r.all = append(r.all, s)
	return s
}

func (r *roles) remove(s *roleState) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range r.all {
		if r.all[i] == s {
			r.all = append(r.all[:i], r.all[i+1:]...)
			return
		}
	}
}

// ready returns nil if every session works, and the first reason otherwise.
func (r *roles) ready() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.all {
		if s.err != nil {
			return fmt.Errorf("%s session: %w", s.name, s.err)
		}
	}
	return nil
}

func (s *roleState) up() { s.set(nil) }

func (s *roleState) down(err error) {
	if err == nil {
		err = errConnecting
	}
	s.set(err)
}

func (s *roleState) set(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}
