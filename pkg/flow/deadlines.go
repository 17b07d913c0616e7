package flow

// deadlines is a heap of the moments at which flows have to be looked at. It
// is lazy: a flow whose moment has moved on stays where it was and is put back
// when its turn comes, because most answers come in time.
type deadlines struct {
	heap []deadline
}

type deadline struct {
	at int64
	f  *instance
}

func (d *deadlines) len() int { return len(d.heap) }

// put has f looked at no later than at.
func (d *deadlines) put(f *instance, at int64) {
	if f.queued != 0 && f.queued <= at {
		return
	}
	f.queued = at
	d.heap = append(d.heap, deadline{at: at, f: f})
	for i := len(d.heap) - 1; i > 0; {
		parent := (i - 1) / arity
		if d.heap[parent].at <= d.heap[i].at {
			break
		}
		d.heap[parent], d.heap[i] = d.heap[i], d.heap[parent]
		i = parent
	}
}

// arity makes the heap flat, so that fewer places in memory are touched.
const arity = 4

// take returns a flow whose moment is before now, or nil if there is none.
func (d *deadlines) take(now int64) *instance {
	for len(d.heap) > 0 && d.heap[0].at < now {
		top := d.pop()
		if top.f.queued == top.at && !top.f.is(flagGone) {
			top.f.queued = 0
			return top.f
		}
	}
	return nil
}

func (d *deadlines) pop() deadline {
	top := d.heap[0]
	last := len(d.heap) - 1
	d.heap[0] = d.heap[last]
	d.heap[last] = deadline{}
	d.heap = d.heap[:last]
	for i := 0; ; {
		least := i
		for child := arity*i + 1; child <= arity*i+arity && child < last; child++ {
			if d.heap[child].at < d.heap[least].at {
				least = child
			}
		}
		if least == i {
			return top
		}
		d.heap[i], d.heap[least] = d.heap[least], d.heap[i]
		i = least
	}
}

// tombstones are the flows that have retired, the oldest first.
type tombstones struct {
	queue []tombstone
	head  int
	live  int
}

type tombstone struct {
	at    int64
	f     *instance
	first uint64 // tells f from the flow that has its memory later
}

func (s *tombstones) put(f *instance, at int64) {
	s.queue = append(s.queue, tombstone{at: at, f: f, first: f.first})
	s.live++
}

// valid tells whether the flow has not been taken up again since.
func (t tombstone) valid() bool {
	return t.f.retired == t.at && t.f.first == t.first && !t.f.is(flagGone)
}

// front returns the oldest tombstone, or nil.
func (s *tombstones) front() *instance {
	for s.head < len(s.queue) {
		if front := s.queue[s.head]; front.valid() {
			return front.f
		}
		s.drop()
	}
	return nil
}

// drop removes the first of the queue.
func (s *tombstones) drop() {
	s.queue[s.head] = tombstone{}
	s.head++
	if s.head > len(s.queue)/2 && s.head > 1024 {
		n := copy(s.queue, s.queue[s.head:])
		clear(s.queue[n:])
		s.queue, s.head = s.queue[:n], 0
	}
}
