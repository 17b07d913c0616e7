package keyed

import (
	"testing"

	"pgregory.net/rapid"
)

func TestFIFO(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var f fifo[int]
		pushed, popped := 0, 0
		t.Repeat(map[string]func(*rapid.T){
			"push": func(*rapid.T) {
				f.push(pushed)
				pushed++
			},
			"pop": func(t *rapid.T) {
				if f.empty() {
					t.Skip("empty")
				}
				if got := f.pop(); got != popped {
					t.Fatalf("popped %d, want %d", got, popped)
				}
				popped++
			},
			"": func(t *rapid.T) {
				if f.empty() != (pushed == popped) {
					t.Fatalf("empty is %v with %d in and %d out", f.empty(), pushed, popped)
				}
			},
		})
	})
}

// A queue that never runs empty takes no more room than what is in it asks for,
// however much went through.
func TestFIFOIsBounded(t *testing.T) {
	var f fifo[*int]
	for range 10 {
		f.push(new(int))
	}
	for range 100_000 {
		f.push(new(int))
		f.pop()
	}
	if cap(f.items) > 64 {
		t.Errorf("10 items take room for %d", cap(f.items))
	}
	kept := 0
	for _, p := range f.items[:cap(f.items)] {
		if p != nil {
			kept++
		}
	}
	if kept != 10 {
		t.Errorf("%d items are kept alive, want 10", kept)
	}
}
