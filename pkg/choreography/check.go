package choreography

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Check looks for what is well written and can't be meant, in choreographies
// that run beside each other: an event of one may be what another waits for. It
// returns what it finds in the order of files and lines, and nil where all is
// well. docs/reference/check.md tells of each code what it means and what to
// do.
//
// Dead ends and steps that stay done are found by going through the histories
// that a contract allows. Where there are too many of them, Check says so.
func Check(cs ...*Choreography) []Problem {
	k := &checker{cs: cs, seen: map[string]bool{}}
	k.together()
	for _, c := range cs {
		x := newIndex(c)
		k.outcomes(x)
		repaired := k.names(x)
		k.services(x)
		k.namesakes(x)
		k.times(x)
		k.twice(x)
		k.reach(repaired)
		k.loops(repaired)
		k.histories(repaired)
	}
	return inOrder(k.problems)
}

// HasErrors tells whether one of the problems is an error.
func HasErrors(problems []Problem) bool {
	return slices.ContainsFunc(problems, func(p Problem) bool { return p.Severity == SeverityError })
}

type checker struct {
	cs       []*Choreography
	problems []Problem
	seen     map[string]bool
}

// finding is a problem before it has a place.
type finding struct {
	code     Code
	severity Severity
	pos      Position
	service  string
	event    string
	message  string
	hint     string
}

// report notes a finding once.
func (k *checker) report(c *Choreography, f finding) {
	p := Problem{
		Code: f.code, Severity: f.severity, File: c.file(), Pos: f.pos,
		Choreography: c.Name, Service: f.service, Event: f.event, Message: f.message, Hint: f.hint,
	}
	if p.File == "" {
		p.File = c.Name // one that was made, not read
	}
	key := p.String()
	if !k.seen[key] {
		k.seen[key] = true
		k.problems = append(k.problems, p)
	}
}

// together checks what several choreographies must not share.
func (k *checker) together() {
	names, starts := map[string]*Choreography{}, map[string]*Choreography{}
	for _, c := range k.cs {
		if other := names[c.Name]; other != nil {
			k.report(c, finding{
				code: CodeSameName, severity: SeverityError, pos: c.find("choreography", -1, ""),
				message: "there is another choreography " + quote(c.Name) + ", in " + other.file(),
				hint:    "flows are named after their choreography: give each a name of its own",
			})
			continue
		}
		names[c.Name] = c
		for _, s := range c.Starts {
			if other := starts[s]; other != nil {
				k.report(c, finding{
					code: CodeSharedStart, severity: SeverityWarning, pos: c.find("starts", -1, s), event: s,
					message: quote(s) + " starts the choreography " + quote(other.Name) + ", too",
					hint:    "each such event begins a flow of both, unless it says by its flow name which one it is of",
				})
				continue
			}
			starts[s] = c
		}
	}
}

// outcomes checks that there are any.
func (k *checker) outcomes(x *index) {
	if len(x.c.Outcomes.Completed)+len(x.c.Outcomes.Failed) == 0 {
		k.report(x.c, finding{
			code: CodeNoOutcomes, severity: SeverityError, pos: x.c.find("outcomes", -1, ""),
			message: "no event decides how a flow went, so that none ever ends",
			hint:    "add outcomes: {completed: […], failed: […]}",
		})
	}
}

// services checks for services of which nothing can be seen.
func (k *checker) services(x *index) {
	emitting := map[string]bool{}
	for _, c := range k.cs {
		for _, r := range c.Reactions {
			for _, s := range r.Services {
				emitting[s] = emitting[s] || len(r.Emits) > 0
			}
		}
	}
	told := map[string]bool{}
	for i, r := range x.c.Reactions {
		for _, s := range r.Services {
			if emitting[s] || told[s] {
				continue
			}
			told[s] = true
			k.report(x.c, finding{
				code: CodeSilentService, severity: SeverityWarning, pos: x.c.find("service", i, s), service: s,
				message: s + " listens and never emits anything",
				hint:    "nothing shows whether it did its work: let it emit an event when it is done",
			})
		}
	}
}

// namesakes reports services whose names differ in nothing but case and
// punctuation.
func (k *checker) namesakes(x *index) {
	var names []string
	at := map[string]int{}
	for i, r := range x.c.Reactions {
		for _, s := range r.Services {
			if _, known := at[s]; !known {
				at[s] = i
				names = append(names, s)
			}
		}
	}
	spelt := newSpellings(names)
	for _, s := range names {
		same, ok := spelt.same(s)
		if !ok || slices.Index(names, same) > slices.Index(names, s) {
			continue // told at the second one
		}
		k.report(x.c, finding{
			code: CodeSameService, severity: SeverityWarning, pos: x.c.find("service", at[s], s), service: s,
			message: "the services " + quote(same) + " and " + quote(s) + " differ in spelling only",
			hint:    "if they are one service, give it one name: the observer knows services by the letter",
		})
	}
}

// twice reports reactions that say what another one said.
func (k *checker) twice(x *index) {
	first := map[string]int{}
	for i := range x.c.Reactions {
		r := &x.c.Reactions[i]
		if !r.Owes() {
			continue
		}
		lists := [][]string{r.Services, r.On.Any, r.On.All, r.If, r.Unless, {r.Undoes}, r.Emits}
		for k, list := range lists {
			lists[k] = slices.Sorted(slices.Values(list))
		}
		key := fmt.Sprintf("%q", lists)
		before, again := first[key]
		if !again {
			first[key] = i
			continue
		}
		where := "reaction " + strconv.Itoa(before+1)
		if line := x.c.Reactions[before].Pos.Line; line > 0 {
			where = "the one in line " + strconv.Itoa(line)
		}
		k.report(x.c, finding{
			code: CodeSameReaction, severity: SeverityWarning, pos: r.Pos, service: strings.Join(r.Services, ", "),
			message: "the reaction says the same as " + where + ", so that each answer is owed twice",
			hint:    "take one of them out",
		})
	}
}

// times checks the lengths of time against each other.
func (k *checker) times(x *index) {
	for i, r := range x.c.Reactions {
		if r.Owes() && r.Within == 0 {
			k.report(x.c, finding{
				code: CodeNoDeadline, severity: SeverityError, pos: r.Pos, service: strings.Join(r.Services, ", "),
				message: "the reaction owes an answer and has no deadline", hint: "add within",
			})
		}
		if abandon := x.c.AbandonAfter; abandon > 0 && r.Owes() && !r.Side && !r.Optional && r.Within >= abandon {
			k.report(x.c, finding{
				code: CodeAbandonedEarly, severity: SeverityWarning, pos: x.c.find("within", i, ""), service: strings.Join(r.Services, ", "),
				message: fmt.Sprintf("a flow is abandoned after %s, before this answer (within %s) can be late", formatDuration(abandon), formatDuration(r.Within)),
				hint:    "make abandon_after longer than all that a flow may take",
			})
		}
	}
}
