package learn

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/laban-io/laban/pkg/choreography"
)

// Draft is what was learned.
type Draft struct {
	Findings
	// Contract is the draft. It has no Text or Hash: parse YAML for those.
	Contract *choreography.Choreography `json:"-"`
	// YAML is the contract with comments that say how sure each part is.
	YAML []byte `json:"-"`
}

// Findings is all that is known of a draft.
type Findings struct {
	Choreography string `json:"choreography"`
	Log          Counts `json:"log"`
	// Flows is how many flows the log has, and Learned how many of them were
	// learned from. Unfinished may go on after the log's end, WithoutStart began
	// before it, Oversized have too many events.
	Flows        int `json:"flows"`
	Learned      int `json:"learned_from"`
	Unfinished   int `json:"unfinished"`
	WithoutStart int `json:"without_start"`
	Oversized    int `json:"oversized"`
	// OneIn tells that there are too many flows, or too many different ones: one
	// in so many was learned from, evenly chosen. It is 0 where all were.
	OneIn int `json:"one_flow_in,omitempty"`
	// Others are the other choreographies in the log.
	Others    []string   `json:"other_choreographies,omitempty"`
	Starts    []string   `json:"starts"`
	Outcomes  []Outcome  `json:"outcomes"`
	Reactions []Reaction `json:"reactions"`
	Questions []Question `json:"questions"`
}

// Outcome is an event that may decide how a flow went.
type Outcome struct {
	Event string `json:"event"`
	// Class is "completed", "failed", or "" for no outcome.
	Class string `json:"class"`
	// Said tells that a person said so.
	Said bool `json:"said"`
	// Flows is how many have it, Alone how many of them have no other one.
	Flows int `json:"flows"`
	Alone int `json:"alone"`
}

// Reaction is one reaction, and what speaks for it.
type Reaction struct {
	Service  string   `json:"service"`
	On       []string `json:"on,omitempty"`
	All      bool     `json:"all,omitempty"`
	If       string   `json:"if,omitempty"`
	Unless   string   `json:"unless,omitempty"`
	Undoes   string   `json:"undoes,omitempty"`
	Emits    []string `json:"emits"`
	Side     bool     `json:"side,omitempty"`
	Optional bool     `json:"optional,omitempty"`
	// Expected is how often it was owed, Met how often it was answered, and
	// Surplus how many answers came that it does not explain.
	Expected int `json:"expected"`
	Met      int `json:"met"`
	Surplus  int `json:"surplus"`
	// Inferred tells that no causation ids say so, but the order and number of
	// events; Instead are triggers that explain it as well.
	Inferred bool       `json:"inferred,omitempty"`
	Instead  [][]string `json:"instead,omitempty"`
	// Sure is "certain", "likely" or "weak".
	Sure string `json:"sure"`
	// Within is the deadline, P99 the time that 99 of 100 answers took at most,
	// and Samples how many there were.
	Within  Duration `json:"within,omitzero"`
	P99     Duration `json:"p99,omitzero"`
	Samples int      `json:"samples"`

	claim *claim
}

// Duration is a time that is written as text in JSON.
type Duration time.Duration

// MarshalText writes it as Go does.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// drafter makes a contract of claims.
type drafter struct {
	*model
	log     *Log
	answers Answers
	name    string
	claims  []claim
}

func (d *drafter) draft() (*Draft, error) {
	d.inOrder(d.claims)
	f := Findings{
		Choreography: d.title(), Log: d.log.counts,
		Flows: d.all, Learned: len(d.flows), Unfinished: d.unfinished, WithoutStart: d.headless, Oversized: d.beyond,
		Starts: d.words(d.starts),
	}
	if d.halved > 0 {
		f.OneIn = 1 << d.halved
	}
	for _, n := range d.log.Names() {
		if n != d.name && n != "" {
			f.Others = append(f.Others, n)
		}
	}
	for _, o := range d.outcomes() {
		f.Outcomes = append(f.Outcomes, Outcome{
			Event: d.types[o.typ], Class: o.class, Said: d.answers.decided(),
			Flows: d.flowsWith(o.typ), Alone: o.alone,
		})
	}
	f.Reactions = d.reactions()
	f.Questions = d.questions(&f)
	draft := &Draft{Findings: f, Contract: f.contract()}
	draft.YAML = draft.write()
	_, err := choreography.Parse("the draft", draft.YAML)
	return draft, err
}

// title is the name of the draft.
func (d *drafter) title() string {
	name := cmp.Or(d.answers.As, d.name)
	if name == "" {
		name = firstWord(d.types[d.starts[0]])
	}
	name = strings.Trim(regexp.MustCompile(`[^A-Za-z0-9._-]+`).ReplaceAllString(name, "-"), "-._")
	return cmp.Or(name[:min(len(name), 64)], "learned")
}

func (d *drafter) words(types []int) []string {
	words := make([]string, len(types))
	for i, t := range types {
		words[i] = d.types[t]
	}
	return words
}

func (d *drafter) flowsWith(typ int) (n int) {
	for _, h := range d.histories.with[typ] {
		n += d.histories.flows[h]
	}
	return n
}

// reactions returns the reactions in the order of telling. What a service emits
// unprompted is one reaction; side effects come last.
func (d *drafter) reactions() []Reaction {
	var found, sides []Reaction
	unpromptedOf := map[int]int{}
	for i := range d.claims {
		c := &d.claims[i]
		if c.kind == unprompted || c.mixed {
			at, ok := unpromptedOf[c.service]
			if !ok {
				at = len(found)
				unpromptedOf[c.service] = at
				found = append(found, Reaction{Service: d.services[c.service], Sure: "likely", claim: c})
			}
			r := &found[at]
			r.Emits = append(r.Emits, d.inPlace(c.emits)...)
			r.Expected += d.given(c)
			r.Met = r.Expected
		}
	}
	for i := range d.claims {
		c := &d.claims[i]
		if c.kind == unprompted {
			continue
		}
		if r := d.reaction(c); r.Side {
			sides = append(sides, r)
		} else {
			found = append(found, r)
		}
	}
	return append(found, sides...)
}

// inPlace returns the names of types in the order in which they come.
func (d *drafter) inPlace(types []int) []string {
	sorted := slices.Clone(types)
	slices.SortStableFunc(sorted, func(a, b int) int { return cmp.Compare(d.place[a], d.place[b]) })
	return d.words(sorted)
}

func (d *drafter) reaction(c *claim) Reaction {
	took := d.delays(c)
	p99 := quantile(took, 0.99)
	r := Reaction{
		Service: d.services[c.service], On: d.inPlace(c.on), All: c.kind == allOf, Emits: d.inPlace(c.emits),
		Side: d.side(c), Optional: d.optional(c),
		Expected: c.tally.expected, Met: c.tally.met, Surplus: c.tally.surplus, Inferred: c.inferred,
		P99: Duration(p99.Round(time.Microsecond)), Within: Duration(proposed(p99)), Samples: len(took), claim: c,
	}
	if len(took) == 0 {
		r.Within = Duration(unseen)
	}
	for _, named := range []struct {
		typ int
		to  *string
	}{{c.undoes, &r.Undoes}, {c.unless, &r.Unless}, {c.ifs, &r.If}} {
		if named.typ >= 0 {
			*named.to = d.types[named.typ]
		}
	}
	for _, on := range c.rivals[:min(len(c.rivals), 3)] {
		r.Instead = append(r.Instead, d.inPlace(on))
	}
	r.Sure = sure(&r)
	return r
}

// sure says in a word how sure a reaction is.
func sure(r *Reaction) string {
	switch {
	case r.Met < 5 || r.Met*10 < r.Expected*8 || r.claim.guessed:
		return "weak"
	case r.Inferred || r.Met < fewSamples || r.Met*100 < r.Expected*99 || r.Surplus*100 > r.Met || r.claim.mixed:
		return "likely"
	default:
		return "certain"
	}
}

// contract makes the choreography.
func (f *Findings) contract() *choreography.Choreography {
	c := &choreography.Choreography{Name: f.Choreography, Starts: f.Starts}
	for _, o := range f.Outcomes {
		switch o.Class {
		case "completed":
			c.Outcomes.Completed = append(c.Outcomes.Completed, o.Event)
		case "failed":
			c.Outcomes.Failed = append(c.Outcomes.Failed, o.Event)
		}
	}
	for i := range f.Reactions {
		r := &f.Reactions[i]
		made := choreography.Reaction{
			Services: []string{r.Service}, Undoes: r.Undoes, Emits: r.Emits, Within: time.Duration(r.Within), Side: r.Side, Optional: r.Optional,
		}
		if r.If != "" {
			made.If = []string{r.If}
		}
		if r.Unless != "" {
			made.Unless = []string{r.Unless}
		}
		if r.All {
			made.On.All = r.On
		} else {
			made.On.Any = r.On
		}
		c.Reactions = append(c.Reactions, made)
	}
	return c
}
