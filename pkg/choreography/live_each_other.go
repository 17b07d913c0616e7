package choreography

import (
	"slices"
	"strings"

	"github.com/laban-io/laban/internal/topic"
)

// eachOther reports events that one service emits and nobody hears, and events
// that one waits for and nobody emits, also where no contract says so.
func (l *live) eachOther() {
	emitted, awaited := l.supply()
	var lonely []string // awaited by name, and emitted by nobody
	for _, t := range sortedKeys(awaited) {
		if len(emitted[t]) == 0 {
			lonely = append(lonely, t)
		}
	}
	spelt := newSpellings(lonely)
	for _, t := range sortedKeys(emitted) {
		if l.told[t] || len(awaited[t]) > 0 {
			continue // one that listens to everything does not make it right
		}
		near, ok := spelt.same(t)
		if !ok && len(emitted)*len(lonely) <= MaxEventTypes*MaxEventTypes { // or it would take too long
			near, ok = spelt.slip(t)
		}
		if ok && !l.told[near] {
			l.told[t], l.told[near] = true, true
			l.add(finding{
				code: CodeNearMiss, severity: SeverityError, service: emitted[t][0], event: t,
				message: l.titles(emitted[t]) + " emits " + quote(t) + ", and " + l.titles(awaited[near]) + " listens to " + quote(near) + " — did you mean " + quote(near) + "?",
				hint:    "nobody asks for the one by name and nobody emits the other; names of events must be the same to the letter",
			})
		}
	}
	patterns := l.wildcards()
	for _, t := range sortedKeys(emitted) {
		if !l.told[t] && !l.must[t] && len(awaited[t]) == 0 && !topic.AnyMatches(patterns, t) {
			l.add(finding{
				code: CodeUnheard, severity: SeverityWarning, service: emitted[t][0], event: t,
				message: l.titles(emitted[t]) + " emits " + quote(t) + ", and nobody listens to it",
				hint:    "if nobody is meant to, a contract can say so: make it an outcome, or its reaction side: true",
			})
		}
	}
	for _, t := range lonely {
		if !l.told[t] {
			l.add(finding{
				code: CodeNeverComes, severity: SeverityWarning, service: awaited[t][0], event: t,
				message: l.titles(awaited[t]) + " listens to " + quote(t) + ", and no service says that it emits it",
				hint:    "look at the name; a service that is not on Laban's bus, or does not declare what it emits, can be where it comes from",
			})
		}
	}
}

// supply returns by event which services emit it, and which ask for it by name.
// A contract speaks for services that did not announce themselves.
func (l *live) supply() (emitted, awaited map[string][]string) {
	emitted, awaited = map[string][]string{}, map[string][]string{}
	for _, s := range l.names {
		a := l.now[s]
		for _, t := range a.Emits {
			emitted[t] = append(emitted[t], s)
		}
		for _, t := range a.Bindings {
			if !topic.IsPattern(t) {
				awaited[t] = append(awaited[t], s)
			}
		}
	}
	for _, c := range l.cs {
		for _, r := range c.Reactions {
			for _, s := range r.Services {
				if _, announced := l.now[s]; announced {
					continue
				}
				for _, t := range r.Emits {
					emitted[t] = append(emitted[t], s)
				}
				for _, t := range r.On.Types() {
					awaited[t] = append(awaited[t], s)
				}
			}
		}
	}
	return emitted, awaited
}

// wildcards returns the bindings that are patterns. More of them than anybody
// writes stand for one that matches everything, so that nothing is called unheard
// by mistake.
func (l *live) wildcards() []string {
	var patterns []string
	for _, s := range l.names {
		for _, t := range l.now[s].Bindings {
			if topic.IsPattern(t) {
				patterns = append(patterns, t)
			}
		}
	}
	if len(patterns) > MaxEventTypes {
		return []string{"#"}
	}
	return patterns
}

// titles returns services with their versions, as a list.
func (l *live) titles(services []string) string {
	var titles []string
	for _, s := range services {
		title := shown(s)
		if a, announced := l.now[s]; announced {
			title = a.Title()
		}
		if !slices.Contains(titles, title) {
			titles = append(titles, title)
		}
	}
	return strings.Join(titles, ", ")
}

func sortedKeys(m map[string][]string) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
