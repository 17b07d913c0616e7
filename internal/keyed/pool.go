// Package keyed runs work concurrently, yet one at a time and in order for
// each key: how a consumer handles many flows at once and keeps the order
// within each.
package keyed

import "sync"

// Pool runs submitted items on a fixed number of goroutines. Items with equal
// keys run one at a time, in the order in which they were submitted; a slow key
// holds up no other as long as a worker is free.
//
// An item that ends its goroutine by runtime.Goexit costs no worker.
//
// The pool has no bound of its own: whoever submits must bound what is
// outstanding, as a consumer does with its prefetch.
type Pool[T any] struct {
	run func(T)

	mu      sync.Mutex
	wake    *sync.Cond
	busy    map[string]*line[T] // keys that run or wait
	ready   fifo[*line[T]]      // lines whose head may run
	spare   []*line[T]          // lines to use again
	closed  bool
	workers sync.WaitGroup
}

// line is the items of one key that wait to run.
type line[T any] struct {
	key   string
	items fifo[T]
}

// maxSpare bounds the lines that are kept for keys to come.
const maxSpare = 64

// NewPool returns a pool that runs items with the given number of goroutines,
// which is at least 1. Close it to release them.
func NewPool[T any](workers int, run func(T)) *Pool[T] {
	p := &Pool[T]{run: run, busy: make(map[string]*line[T])}
	p.wake = sync.NewCond(&p.mu)
	for range max(workers, 1) {
		p.workers.Go(p.work)
	}
	return p
}

// Submit queues an item. It does not block. Submitting to a closed pool does
// nothing and returns false.
func (p *Pool[T]) Submit(key string, item T) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false
	}
	l, waiting := p.busy[key]
	if !waiting {
		l = p.newLine(key)
		p.busy[key] = l
		p.ready.push(l)
		p.wake.Signal()
	}
	l.items.push(item)
	return true
}

// Close lets everything that was submitted run, and returns when it has.
func (p *Pool[T]) Close() {
	p.mu.Lock()
	p.closed = true
	p.wake.Broadcast()
	p.mu.Unlock()
	p.workers.Wait()
}

func (p *Pool[T]) work() {
	p.mu.Lock()
	for {
		for p.ready.empty() {
			if p.closed { // what is left of other lines is with those that run them
				p.mu.Unlock()
				return
			}
			p.wake.Wait()
		}
		l := p.ready.pop()
		item := l.items.pop()
		p.mu.Unlock()
		p.runOne(l, item)
		p.mu.Lock() // and this worker goes on, so none needs to be woken
	}
}

// runOne runs an item and lets the next one of its line run. An item may end
// its goroutine (runtime.Goexit, as testing's FailNow does): another worker then
// takes the place of this one.
func (p *Pool[T]) runOne(l *line[T], item T) {
	returned := false
	defer func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if l.items.empty() {
			p.release(l)
		} else {
			p.ready.push(l)
		}
		if !returned {
			p.workers.Go(p.work)
		}
	}()
	p.run(item)
	returned = true
}

// newLine returns an empty line for a key, with p.mu held.
func (p *Pool[T]) newLine(key string) *line[T] {
	last := len(p.spare) - 1
	if last < 0 {
		return &line[T]{key: key}
	}
	l := p.spare[last]
	p.spare = p.spare[:last]
	l.key = key
	return l
}

// release forgets a line that has nothing left to run, with p.mu held.
func (p *Pool[T]) release(l *line[T]) {
	delete(p.busy, l.key)
	if len(p.spare) < maxSpare {
		l.key = ""
		p.spare = append(p.spare, l)
	}
}
