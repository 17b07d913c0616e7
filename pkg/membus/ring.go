package membus

// ring is a queue that takes and gives at both ends and grows as needed.
type ring[T any] struct {
	items []T // its length is a power of two
	head  int
	n     int
}

func (r *ring[T]) len() int { return r.n }

// at returns the i-th item from the front.
func (r *ring[T]) at(i int) *T { return &r.items[(r.head+i)&(len(r.items)-1)] }

func (r *ring[T]) pushBack(item T) {
	r.grow()
	*r.at(r.n) = item
	r.n++
}

func (r *ring[T]) pushFront(item T) {
	r.grow()
	r.head = (r.head - 1) & (len(r.items) - 1)
	r.n++
	*r.at(0) = item
}

func (r *ring[T]) popFront() T {
	var zero T
	slot := r.at(0)
	item := *slot
	*slot = zero
	r.head = (r.head + 1) & (len(r.items) - 1)
	r.n--
	return item
}

func (r *ring[T]) grow() {
	if r.n < len(r.items) {
		return
	}
	items := make([]T, max(16, 2*len(r.items)))
	for i := range r.n {
		items[i] = *r.at(i)
	}
	r.items, r.head = items, 0
}
