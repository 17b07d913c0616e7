package membus

import "github.com/laban-io/laban/pkg/bus"

// log is the latest records of everything that was published. Broker.mu guards
// it.
type log struct {
	records    ring[record]
	first      uint64 // offset of the oldest record that is left
	bytes      int
	maxRecords int
	maxBytes   int
	tails      map[*tail]struct{}
}

type record struct {
	*message
	kind    bus.RecordKind
	service string
	attempt int
	err     string
}

func newLog(maxRecords, maxBytes int) log {
	return log{maxRecords: maxRecords, maxBytes: maxBytes, tails: make(map[*tail]struct{})}
}

// next is the offset of the record to come.
func (l *log) next() uint64 { return l.first + uint64(l.records.len()) } //nolint:gosec // a length is not negative

// add appends a record, and lets the oldest go where that is more than fits.
// The newest stays in any case.
func (l *log) add(r record) {
	l.records.pushBack(r)
	l.bytes += r.size()
	for l.records.len() > 1 && (l.records.len() > l.maxRecords || l.bytes > l.maxBytes) {
		l.bytes -= l.records.popFront().size()
		l.first++
	}
	l.wake()
}

// read fills batch with records from an offset on, or from the oldest one after
// it. It returns the offset of the first and how many there are.
func (l *log) read(from uint64, batch []record) (first uint64, n int) {
	first = max(from, l.first)
	if first >= l.next() {
		return first, 0
	}
	start := int(first - l.first) //nolint:gosec // less than the number of records
	n = min(len(batch), l.records.len()-start)
	for i := range n {
		batch[i] = *l.records.at(start + i)
	}
	return first, n
}

// wake lets all readers look again.
func (l *log) wake() {
	for t := range l.tails {
		t.wake()
	}
}
