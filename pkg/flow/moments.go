package flow

import (
	"cmp"
	"slices"
)

// moments counts how many of something began at which log time. Most are added
// at the latest time there is; asking for the first takes no search.
type moments struct {
	counts []momentCount // by time; those before head are over
	head   int
	empty  int // how many after head count nothing
}

type momentCount struct {
	at    int64
	count int
}

// find returns where a time is among those from head on, or would be.
func (m *moments) find(at int64) (int, bool) {
	i, found := slices.BinarySearchFunc(m.counts[m.head:], at, func(c momentCount, at int64) int { return cmp.Compare(c.at, at) })
	return m.head + i, found
}

func (m *moments) add(at int64) {
	i := len(m.counts) - 1
	found := i >= m.head && m.counts[i].at == at
	if !found && i >= m.head && m.counts[i].at > at {
		i, found = m.find(at)
	} else if !found {
		i++
	}
	if !found {
		m.counts = slices.Insert(m.counts, i, momentCount{at: at})
	} else if m.counts[i].count == 0 {
		m.empty--
	}
	m.counts[i].count++
}

// remove removes one that was added.
func (m *moments) remove(at int64) {
	i, _ := m.find(at)
	if m.counts[i].count--; m.counts[i].count > 0 {
		return
	}
	m.empty++
	for m.head < len(m.counts) && m.counts[m.head].count == 0 {
		m.head++
		m.empty--
	}
	if m.head+m.empty > len(m.counts)/2+16 {
		m.counts = slices.DeleteFunc(m.counts, func(c momentCount) bool { return c.count == 0 })
		m.head, m.empty = 0, 0
	}
}

// first returns the earliest time, or 0 where there is none.
func (m *moments) first() int64 {
	if m.head == len(m.counts) {
		return 0
	}
	return m.counts[m.head].at
}

// tallyOpen keeps count of what f owes, for [Tracker.Survey].
func (t *Tracker) tallyOpen(f *instance) {
	watched := f.retired == 0 && f.judged()
	p := f.program
	for i := range f.obligations {
		o := &f.obligations[i]
		counts := watched && o.state == Open && o.owed != 0 && !p.rules[o.rule].optional
		switch {
		case counts == (o.flags&owedTallied != 0):
		case counts:
			o.flags |= owedTallied
			p.open[o.rule].add(o.owed)
		default:
			o.flags &^= owedTallied
			p.open[o.rule].remove(o.owed)
		}
	}
}
