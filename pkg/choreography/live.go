package choreography

import (
	"slices"

	"github.com/laban-io/laban/internal/topic"
)

// CheckLive compares contracts with what running services announced, which is
// given in the order in which it was said: of each service the last counts, and
// of one that is not [Running] nothing. It needs no contract to find what services do to each other, such as an event that
// is emitted under one name and awaited under another.
//
// Announcements come from outside: of each only the first [MaxEventTypes]
// bindings and emitted types are looked at.
func CheckLive(cs []*Choreography, announcements []Announcement) []Problem {
	l := &live{
		checker: checker{cs: cs, seen: map[string]bool{}}, now: map[string]Announcement{}, gone: map[string]Announcement{},
		told: map[string]bool{}, toldOf: map[[2]string]bool{}, must: map[string]bool{},
	}
	running, stopped := Running(announcements)
	for _, a := range running {
		a.Bindings = a.Bindings[:min(len(a.Bindings), MaxEventTypes)]
		a.Emits = a.Emits[:min(len(a.Emits), MaxEventTypes)]
		l.now[a.Service] = a
		l.names = append(l.names, a.Service)
	}
	for _, a := range stopped {
		l.gone[a.Service] = a
	}
	for _, c := range cs {
		l.contract(c)
	}
	if len(l.now) == 0 && len(cs) == 0 {
		l.add(finding{
			code: CodeNeverAnnounced, severity: SeverityWarning, message: "no service announced itself",
			hint: "services on Laban's bus do so when they start; is this the right broker and virtual host?",
		})
	}
	l.strangers()
	l.eachOther()
	return inOrder(l.problems)
}

// live is a comparison of contracts and announcements.
type live struct {
	checker
	now    map[string]Announcement // by service
	names  []string                // of those services
	gone   map[string]Announcement // of services that stopped
	told   map[string]bool         // events, and services, of which a finding tells already
	toldOf map[[2]string]bool      // the same of a service and an event
	must   map[string]bool         // events that a contract has somebody react to, or that nobody needs to
}

// add notes a finding that has no place in a file.
func (l *live) add(f finding) {
	l.problems = append(l.problems, Problem{
		Code: f.code, Severity: f.severity, Service: f.service, Event: f.event, Message: f.message, Hint: f.hint,
	})
}

// contract compares one contract with the services it names.
func (l *live) contract(c *Choreography) {
	for i, r := range c.Reactions {
		for _, s := range r.Services {
			a, announced := l.now[s]
			if !announced {
				l.neverAnnounced(c, i, s)
				continue
			}
			for _, t := range r.On.Types() {
				if !a.Asks(t) {
					l.notBound(c, i, a, t)
				}
			}
			l.emits(c, i, a)
		}
		for _, t := range r.On.Types() {
			l.must[t] = true
		}
		for _, t := range r.Emits {
			l.must[t] = l.must[t] || r.Side || r.Undoes != ""
		}
	}
	for _, t := range slices.Concat(c.Outcomes.Completed, c.Outcomes.Failed) {
		l.must[t] = true
	}
}

func (l *live) neverAnnounced(c *Choreography, reaction int, service string) {
	if l.told["service "+service] {
		return
	}
	l.told["service "+service] = true
	f := finding{
		code: CodeNeverAnnounced, severity: SeverityWarning, pos: c.find("service", reaction, service), service: service,
		message: service + " never announced itself",
		hint:    "it is not running, or not on Laban's bus, or its name is another",
	}
	if near, ok := nearName(service, l.names); ok {
		f.hint = "there is a service " + shown(near) + ": give both the same name"
	} else if a, stopped := l.gone[service]; stopped {
		f.message = a.Title() + " announced itself last at " + a.Said.UTC().Format("2006-01-02 15:04 UTC") + ", and others hours later"
		f.hint = "it is not running any more, or does not reach the broker: services announce themselves each hour"
	}
	l.report(c, f)
}

// notBound notes that a service does not listen to what it must react to.
func (l *live) notBound(c *Choreography, reaction int, a Announcement, t string) {
	r := &c.Reactions[reaction]
	f := finding{
		code: CodeNotBound, severity: SeverityError, pos: c.find("on", reaction, t), service: a.Service, event: t,
		message: a.Title() + " does not listen to " + quote(t) + ", to which it must react",
		hint:    "handle it there; until then each flow stops at this event",
	}
	if !r.Owes() || r.Optional {
		f.severity = SeverityWarning
		f.message = a.Title() + " does not listen to " + quote(t) + ", which the contract says it does"
		f.hint = "handle it there, or take it out of the contract"
	}
	if near, ok := nearName(t, a.Bindings); ok {
		f.message += " — it listens to " + quote(near)
		f.hint = "names of events must be the same to the letter"
		l.told[near], l.toldOf[[2]string{a.Service, near}] = true, true
	}
	l.told[t] = true
	l.report(c, f)
}

// emits compares what a service declares to emit with what a reaction says.
func (l *live) emits(c *Choreography, reaction int, a Announcement) {
	r := &c.Reactions[reaction]
	if len(r.Emits) > 0 && len(a.Emits) == 0 {
		key := [2]string{a.Service}
		if l.toldOf[key] {
			return
		}
		l.toldOf[key] = true
		l.report(c, finding{
			code: CodeEmitsNotDeclared, severity: SeverityWarning, pos: c.find("service", reaction, a.Service), service: a.Service,
			message: a.Title() + " does not say what it emits", hint: "declare it (Emits in the bus's configuration), so that a wrong name is found before a flow stops",
		})
		return
	}
	for _, t := range r.Emits {
		if slices.Contains(a.Emits, t) {
			continue
		}
		f := finding{
			code: CodeDoesNotEmit, severity: SeverityError, pos: c.find("emits", reaction, t), service: a.Service, event: t,
			message: a.Title() + " does not emit " + quote(t) + ", which the contract says it does",
			hint:    "emit it there, or take it out of the contract",
		}
		if near, ok := nearName(t, a.Emits); ok {
			f.message += " — it emits " + quote(near)
			f.hint = "names of events must be the same to the letter"
			l.told[near], l.toldOf[[2]string{a.Service, near}] = true, true
		}
		l.told[t] = true
		l.report(c, f)
	}
}

// strangers reports what services do beyond their contracts.
func (l *live) strangers() {
	if len(l.cs) == 0 {
		return
	}
	services, hears, emits := map[string]bool{}, map[[2]string]bool{}, map[[2]string]bool{}
	for _, c := range l.cs {
		for _, r := range c.Reactions {
			for _, s := range r.Services {
				services[s] = true
				for _, t := range r.On.Types() {
					hears[[2]string{s, t}] = true
				}
				for _, t := range r.Emits {
					emits[[2]string{s, t}] = true
				}
			}
		}
	}
	for _, s := range l.names {
		a := l.now[s]
		if !services[s] {
			l.add(finding{
				code: CodeUnknownService, severity: SeverityWarning, service: s, message: a.Title() + " announced itself, and no contract names it",
				hint: "add what it does to a contract, or check the contract it belongs to together with these",
			})
			continue
		}
		for _, t := range a.Emits {
			if !emits[[2]string{s, t}] && !l.toldOf[[2]string{s, t}] {
				l.told[t] = true
				l.add(finding{
					code: CodeUndeclaredEmit, severity: SeverityWarning, service: s, event: t,
					message: a.Title() + " emits " + quote(t) + ", of which the contract knows nothing", hint: "add it to the reaction after which it comes",
				})
			}
		}
		for _, t := range a.Bindings {
			if !hears[[2]string{s, t}] && !l.toldOf[[2]string{s, t}] && !topic.IsPattern(t) {
				l.told[t] = true
				l.add(finding{
					code: CodeUndeclaredBind, severity: SeverityWarning, service: s, event: t,
					message: a.Title() + " listens to " + quote(t) + ", of which the contract knows nothing", hint: "add a reaction, or one without emits if it owes nothing",
				})
			}
		}
	}
}
