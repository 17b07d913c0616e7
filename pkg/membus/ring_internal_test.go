package membus

import (
	"testing"

	"pgregory.net/rapid"
)

// A ring is a slice that is cheap at both ends.
func TestRing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var r ring[int]
		var model []int
		next := 0
		t.Repeat(map[string]func(*rapid.T){
			"pushBack": func(*rapid.T) {
				next++
				r.pushBack(next)
				model = append(model, next)
			},
			"pushFront": func(*rapid.T) {
				next++
				r.pushFront(next)
				model = append([]int{next}, model...)
			},
			"popFront": func(t *rapid.T) {
				if len(model) == 0 {
					t.Skip("empty")
				}
				if got := r.popFront(); got != model[0] {
					t.Fatalf("popped %d, want %d", got, model[0])
				}
				model = model[1:]
			},
			"": func(t *rapid.T) {
				if r.len() != len(model) {
					t.Fatalf("has %d, want %d", r.len(), len(model))
				}
				for i, want := range model {
					if *r.at(i) != want {
						t.Fatalf("at %d is %d, want %d", i, *r.at(i), want)
					}
				}
			},
		})
	})
}

// What was taken out of a ring is not kept alive by it.
func TestRingForgets(t *testing.T) {
	var r ring[*int]
	r.pushBack(new(int))
	r.popFront()
	for _, p := range r.items {
		if p != nil {
			t.Fatal("the ring still has what was popped")
		}
	}
}
