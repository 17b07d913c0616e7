package keyed

// fifo is a queue in a slice. What was taken is given up again as the queue
// moves on, so that one that never runs empty does not grow for ever.
type fifo[T any] struct {
	items []T
	head  int
}

func (f *fifo[T]) push(item T) {
	if f.head > 0 && len(f.items) == cap(f.items) && f.head >= len(f.items)/2 {
		n := copy(f.items, f.items[f.head:])
		clear(f.items[n:])
		f.items, f.head = f.items[:n], 0
	}
	f.items = append(f.items, item)
}

func (f *fifo[T]) pop() T {
	var zero T
	item := f.items[f.head]
	f.items[f.head] = zero
	f.head++
	if f.head == len(f.items) {
		f.items, f.head = f.items[:0], 0
	}
	return item
}

func (f *fifo[T]) empty() bool { return f.head == len(f.items) }
