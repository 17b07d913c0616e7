package demo

import "time"

// entryKind tells what an entry of the feed is about.
type entryKind uint8

const (
	entryEvent entryKind = iota
	entryRetry
	entryParked
	entryStalled
	entryRecovered
)

// entry is something that happened, for people to watch.
type entry struct {
	kind    entryKind
	at      time.Time
	order   string // its id
	fate    Fate
	from    string   // who emitted, or failed
	to      []string // who listens
	what    string   // the event's type
	why     string   // of a failure, the error
	attempt int      // of a failure, the attempt that is next
}

// feed keeps the last entries.
type feed struct {
	entries [128]entry
	n       int // in all
}

func (f *feed) add(e entry) {
	f.entries[f.n%len(f.entries)] = e
	f.n++
}

// latest returns up to n entries, the oldest first.
func (f *feed) latest(n int) []entry {
	n = min(n, f.n, len(f.entries))
	all := make([]entry, 0, n)
	for i := f.n - n; i < f.n; i++ {
		all = append(all, f.entries[i%len(f.entries)])
	}
	return all
}
