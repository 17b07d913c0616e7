package choreography

// document is the form of a file. The names and order of its fields, and what
// doc says of them, are those of the JSON Schema and of [Marshal].
type document struct {
	Choreography nameText     `yaml:"choreography" need:"true" doc:"The name of the choreography: what flows are named after."`
	Description  prose        `yaml:"description" doc:"What the choreography is for, in a sentence or two."`
	Starts       words        `yaml:"starts" need:"true" doc:"The types of the events that begin a flow."`
	Outcomes     outcomesForm `yaml:"outcomes" doc:"The types of the events that decide whether a flow went well."`
	Reactions    reactionList `yaml:"reactions" need:"true" doc:"The rules: who reacts to what, and how."`
	Idle         span         `yaml:"idle" doc:"How long a flow may be quiet that has no outcome and in which nobody owes anything. Default: the longest within."`
	AbandonAfter span         `yaml:"abandon_after" doc:"Closes a flow that has not ended so long after its start. Default: never."`
	Events       descriptions `yaml:"events" doc:"What event types mean, by type."`
}

type outcomesForm struct {
	pos       Position
	Completed words `yaml:"completed" doc:"Good ends."`
	Failed    words `yaml:"failed" doc:"Bad ends, after which everything done is to be undone."`
}

type reactionForm struct {
	pos         Position
	broken      bool     // it has problems already
	Service     services `yaml:"service" need:"true" doc:"Who reacts; of several services, each on its own."`
	Name        label    `yaml:"name" doc:"The step's name in alerts and metrics. Default: emits, joined by |."`
	Description prose    `yaml:"description" doc:"What happens in this step."`
	On          join     `yaml:"on" doc:"What it reacts to: any of some events, or, with all, once all of them are there. Without it the reaction names what its services emit unprompted."`
	If          words    `yaml:"if" doc:"It is owed only in a flow that has one of these events, whenever it comes."`
	Unless      words    `yaml:"unless" doc:"It is not owed in a flow that has one of these events, whenever it comes."`
	Undoes      label    `yaml:"undoes" doc:"The event that this reaction makes undone: it is owed once for each of them."`
	Emits       words    `yaml:"emits" doc:"The answers, of which one is owed. Without any the reaction only listens."`
	Within      span     `yaml:"within" doc:"The time for the answer, from when it became owed. Needed where there is both on and emits."`
	Side        truth    `yaml:"side" doc:"It is watched, but neither the flow's status nor its end depends on it. Default: false."`
	Optional    truth    `yaml:"optional" doc:"It never holds a flow open. Default: false."`
}

type reactionList []reactionForm

// description is what a file says of an event type.
type description struct {
	event word
	text  string
}

type descriptions []description
