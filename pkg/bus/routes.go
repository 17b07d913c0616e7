package bus

import (
	"fmt"

	"github.com/laban-io/laban/internal/topic"
)

// routes finds the handler of an event type.
type routes struct {
	exact    map[string]Handler
	patterns []patternRoute
	keys     []string // in the order in which they were added
}

type patternRoute struct {
	pattern string
	handler Handler
}

func (r *routes) add(h Handler, types []string) error {
	if r.exact == nil {
		r.exact = make(map[string]Handler)
	}
	for _, t := range types {
		if t == "" {
			return fmt.Errorf("an event type is empty")
		}
		for _, known := range r.keys {
			if known == t {
				return fmt.Errorf("%q has a handler already", t)
			}
		}
		r.keys = append(r.keys, t)
		if topic.IsPattern(t) {
			r.patterns = append(r.patterns, patternRoute{t, h})
		} else {
			r.exact[t] = h
		}
	}
	return nil
}

// find returns the handler for an event type: the one registered for exactly
// this type, else that of the first pattern that matches, else nil.
func (r *routes) find(eventType string) Handler {
	if h, ok := r.exact[eventType]; ok {
		return h
	}
	for _, p := range r.patterns {
		if MatchTopic(p.pattern, eventType) {
			return p.handler
		}
	}
	return nil
}
