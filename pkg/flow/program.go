package flow

import (
	"slices"

	"github.com/laban-io/laban/pkg/choreography"
)

// typeID and serviceID number a contract's event types and services.
type (
	typeID    uint16
	serviceID uint16
)

// foreignType is of an event that the contract does not know. Services that it
// does not name have the number 0.
const foreignType typeID = 0xffff

// program is a contract made ready for judging. But for its counts it is
// immutable.
type program struct {
	contract *choreography.Choreography
	types    map[string]typeID
	services map[string]serviceID
	// typeNames and serviceNames are the inverse.
	typeNames    []string
	serviceNames []string
	// typeTable and serviceTable have what types and services have.
	typeTable, serviceTable names

	// rules are the reactions that owe something, one for each service.
	rules []rule
	// byTrigger, byJoin and byUndone are the rules that an event of a type
	// makes owed: alone, together with others, or because it is to be undone.
	byTrigger, byJoin, byUndone [][]uint16
	// byAnswer are the rules that an event of a type can pay.
	byAnswer [][]uint16
	// overlap tells that rules share answers, so that paying one may take
	// moving the answer of another.
	overlap bool

	// open counts what is owed by each rule in the flows that are under way.
	open []moments

	facts []fact
	// outcomes are the types of all outcomes.
	outcomes []string
	idle     int64
	// abandon is 0 where flows are never abandoned.
	abandon int64
}

// rule is a reaction of one service.
type rule struct {
	step     string
	service  serviceID
	any, all []typeID
	ifs      []typeID
	unless   []typeID
	undoes   typeID // foreignType where it undoes nothing
	emits    []typeID
	answers  []string
	within   int64
	side     bool
	optional bool
}

// undo tells whether r is a compensation.
func (r *rule) undo() bool { return r.undoes != foreignType }

// holds tells whether r keeps a flow from ending and can stall it.
func (r *rule) holds() bool { return !r.side && !r.optional }

// fact is what a contract says of an event type as such.
type fact struct {
	start bool
	class choreography.Class
	// emitters are the services that emit it, unprompted those that do so
	// without a trigger.
	emitters, unprompted []serviceID
	// undo and side tell that every rule which it can pay is a compensation, or
	// a side effect; within is the longest time that one of those rules gives.
	undo, side bool
	within     int64
	// condition tells that what is owed on other events depends on whether there
	// is one of this type.
	condition bool
}

// compile makes a contract ready.
func compile(c *choreography.Choreography) *program {
	p := &program{
		contract: c, types: map[string]typeID{}, services: map[string]serviceID{},
		serviceNames: []string{""}, idle: int64(c.Idle), abandon: int64(c.AbandonAfter),
	}
	for _, name := range c.Starts {
		p.fact(name).start = true
	}
	p.outcomes = slices.Concat(c.Outcomes.Completed, c.Outcomes.Failed)
	for _, name := range c.Outcomes.Completed {
		p.fact(name).class = choreography.Completed
	}
	for _, name := range c.Outcomes.Failed {
		p.fact(name).class = choreography.Failed
	}
	for i := range c.Reactions {
		p.addReaction(&c.Reactions[i])
	}
	p.indexRules()
	p.open = make([]moments, len(p.rules))
	p.typeTable, p.serviceTable = namesOf(p.typeNames), namesOf(p.serviceNames)
	return p
}

// typeOf returns the number of a type, which it gives on first sight.
func (p *program) typeOf(name string) typeID {
	id, ok := p.types[name]
	if !ok {
		id = typeID(len(p.typeNames)) //nolint:gosec // a contract has far fewer
		p.types[name] = id
		p.typeNames = append(p.typeNames, name)
		p.facts = append(p.facts, fact{})
	}
	return id
}

func (p *program) fact(name string) *fact {
	typ := p.typeOf(name)
	return &p.facts[typ]
}

func (p *program) typesOf(names []string) []typeID {
	ids := make([]typeID, len(names))
	for i, name := range names {
		ids[i] = p.typeOf(name)
	}
	return ids
}

func (p *program) serviceOf(name string) serviceID {
	id, ok := p.services[name]
	if !ok {
		id = serviceID(len(p.serviceNames)) //nolint:gosec // a contract has far fewer
		p.services[name] = id
		p.serviceNames = append(p.serviceNames, name)
	}
	return id
}

// addReaction adds a reaction's rules and what it says of its types.
func (p *program) addReaction(r *choreography.Reaction) {
	proto := rule{
		step: r.Step(), any: p.typesOf(r.On.Any), all: p.typesOf(r.On.All), ifs: p.typesOf(r.If), unless: p.typesOf(r.Unless),
		undoes: foreignType, emits: p.typesOf(r.Emits), answers: r.Emits, within: int64(r.Within), side: r.Side, optional: r.Optional,
	}
	if r.Undoes != "" {
		proto.undoes = p.typeOf(r.Undoes)
	}
	for _, name := range r.Services {
		s := p.serviceOf(name)
		for _, emitted := range proto.emits {
			f := &p.facts[emitted]
			f.emitters = append(f.emitters, s)
			if len(r.On.Types()) == 0 {
				f.unprompted = append(f.unprompted, s)
			}
		}
		if r.Owes() {
			proto.service = s
			p.rules = append(p.rules, proto)
		}
	}
}

func (p *program) indexRules() {
	n := len(p.typeNames)
	p.byTrigger, p.byJoin, p.byUndone, p.byAnswer = make([][]uint16, n), make([][]uint16, n), make([][]uint16, n), make([][]uint16, n)
	add := func(index [][]uint16, types []typeID, i int) {
		for _, typ := range types {
			index[typ] = append(index[typ], uint16(i)) //nolint:gosec // a contract has far fewer
		}
	}
	for i := range p.rules {
		r := &p.rules[i]
		switch {
		case r.undo():
			add(p.byUndone, []typeID{r.undoes}, i)
		case len(r.all) > 0:
			add(p.byJoin, r.all, i)
		default:
			add(p.byTrigger, r.any, i)
		}
		add(p.byAnswer, r.emits, i)
		conditions := slices.Concat(r.ifs, r.unless)
		if r.undo() {
			conditions = slices.Concat(conditions, r.any, r.all)
		}
		for _, typ := range conditions {
			p.facts[typ].condition = true
		}
	}
	for typ, rules := range p.byAnswer {
		p.overlap = p.overlap || len(rules) > 1
		fact := &p.facts[typ]
		fact.undo, fact.side = len(rules) > 0, len(rules) > 0
		for _, i := range rules {
			r := &p.rules[i]
			fact.undo, fact.side, fact.within = fact.undo && r.undo(), fact.side && r.side, max(fact.within, r.within)
		}
	}
}

// lookup returns the number of an event's type and source.
func (p *program) lookup(eventType, source string) (typeID, serviceID) {
	typ, ok := p.typeTable.get(eventType)
	if !ok {
		typ = uint16(foreignType)
	}
	service, _ := p.serviceTable.get(source)
	return typeID(typ), serviceID(service)
}

// pays tells whether an event of this type and source can pay r. A service
// that is not known to emit the type can pay anyone; that it did is a
// deviation.
func (p *program) pays(r *rule, typ typeID, source serviceID) bool {
	return r.service == source || !slices.Contains(p.facts[typ].emitters, source)
}

// typeName returns a type's name, or "" for a foreign one.
func (p *program) typeName(typ typeID) string {
	if int(typ) >= len(p.typeNames) {
		return ""
	}
	return p.typeNames[typ]
}
