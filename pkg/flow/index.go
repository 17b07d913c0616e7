package flow

import (
	"hash/maphash"
	"slices"
)

// index finds flows by their ids. It keeps 64 bits of hash by a random seed, and
// each flow another 64, in place of the ids, so that looking one up touches no
// string that may be anywhere in memory. That two of 2^20 ids have the same is
// less likely than 10^-26, and nobody can make it so.
type index struct {
	table
	seeds [2]maphash.Seed
}

func newIndex() index {
	return index{seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}}
}

// get returns the flow with this id, or nil.
func (x *index) get(id string) *instance {
	if x.used == 0 {
		return nil
	}
	hash, check := maphash.String(x.seeds[0], id), maphash.String(x.seeds[1], id)
	for i := x.home(hash); ; i = x.after(i) {
		s := &x.slots[i]
		if s.f == nil || s.hash == hash && s.f.check == check {
			return s.f
		}
	}
}

func (x *index) put(f *instance) {
	id := f.id()
	f.check = maphash.String(x.seeds[1], id)
	x.table.put(maphash.String(x.seeds[0], id), f)
}

func (x *index) remove(f *instance) { x.table.remove(maphash.String(x.seeds[0], f.id()), f) }

// sorted returns the flows in the order in which they began.
func (x *index) sorted() []*instance {
	all := make([]*instance, 0, x.used)
	for i := range x.slots {
		if f := x.slots[i].f; f != nil {
			all = append(all, f)
		}
	}
	slices.SortFunc(all, byAge)
	return all
}

// keys has of each key the flow that events without an id are of: see
// flagOwner.
type keys struct {
	table
	seed maphash.Seed
}

func newKeys() keys { return keys{seed: maphash.MakeSeed()} }

// get returns the flow that owns a key, or nil.
func (x *keys) get(key string) *instance {
	if x.used == 0 {
		return nil
	}
	hash := maphash.String(x.seed, key)
	for i := x.home(hash); ; i = x.after(i) {
		s := &x.slots[i]
		if s.f == nil || s.hash == hash && s.f.key() == key {
			return s.f
		}
	}
}

// put gives f its key, which was that of owner, unless that is nil.
func (x *keys) put(f, owner *instance) {
	hash := maphash.String(x.seed, f.key())
	if owner != nil {
		x.replace(hash, owner, f)
		return
	}
	x.table.put(hash, f)
}

func (x *keys) remove(f *instance) { x.table.remove(maphash.String(x.seed, f.key()), f) }
