// Package keyed runs work concurrently, yet one at a time and in order for
// each key: how a consumer handles many flows at once and keeps the order
// within each.
package keyed

import "sync"

// Pool runs submitted items on a fixed number of goroutines. Items with equal
// keys run one at a time, in the order in which they were submitted; a slow key
// holds up no other as long as a worker is free.
//
// The pool has no bound of its own: whoever submits must bound what is
// outstanding, as a consumer does with its prefetch.
type Pool[T any] struct {
	run func(T)

	mu      sync.Mutex
	wake    *sync.Cond
	busy    map[string]*line[T] // keys that run or wait
	ready   line[*line[T]]      // lines whose head may run
	closed  bool
	workers sync.WaitGroup
}

// line is the items of one key, oldest first.
type line[T any] struct {
	key   string
	items []T
	head  int
}

func (l *line[T]) push(item T) { l.items = append(l.items, item) }

func (l *line[T]) pop() T {
	var zero T
	item := l.items[l.head]
	l.items[l.head] = zero
	l.head++
	if l.head == len(l.items) {
		l.items, l.head = l.items[:0], 0
	}
	return item
}

func (l *line[T]) empty() bool { return l.head == len(l.items) }

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
		l = &line[T]{key: key}
		p.busy[key] = l
		p.ready.push(l)
		p.wake.Signal()
	}
	l.push(item)
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
	defer p.mu.Unlock()
	for {
		for p.ready.empty() {
			if p.closed && len(p.busy) == 0 {
				p.wake.Broadcast() // the others may go, too
				return
			}
			p.wake.Wait()
		}
		l := p.ready.pop()
		item := l.pop()
		p.mu.Unlock()
		p.run(item)
		p.mu.Lock()
		if l.empty() {
			delete(p.busy, l.key)
			if p.closed && len(p.busy) == 0 {
				p.wake.Broadcast()
			}
		} else {
			p.ready.push(l)
			p.wake.Signal()
		}
	}
}
