package flow

import (
	"hash/maphash"
	"slices"
)

// index finds flows by their ids. It keeps 128 bits of hash by random seeds in
// place of the ids, so that looking one up touches no string of a flow that may
// be anywhere in memory. That two of 2^20 ids have the same is less likely than
// 10^-26, and nobody can make it so.
type index struct {
	flows map[fingerprint]*instance
	seeds [2]maphash.Seed
}

// fingerprint is the fingerprint of an id.
type fingerprint [2]uint64

func newIndex() index {
	return index{flows: map[fingerprint]*instance{}, seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}}
}

func (x *index) fingerprint(id string) fingerprint {
	return fingerprint{maphash.String(x.seeds[0], id), maphash.String(x.seeds[1], id)}
}

// get returns the flow with this id, or nil.
func (x *index) get(id string) *instance { return x.flows[x.fingerprint(id)] }

func (x *index) put(f *instance) { x.flows[x.fingerprint(f.id)] = f }

func (x *index) remove(f *instance) { delete(x.flows, x.fingerprint(f.id)) }

// sorted returns the flows in the order in which they began.
func (x *index) sorted() []*instance {
	all := make([]*instance, 0, len(x.flows))
	for _, f := range x.flows {
		all = append(all, f)
	}
	slices.SortFunc(all, byAge)
	return all
}
