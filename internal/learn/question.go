package learn

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Question is something that a log can't tell.
type Question struct {
	// About is what kind of question it is.
	About Subject `json:"about"`
	// Events are what it is about.
	Events []string `json:"events"`
	// Undone is, of a question about an undo, what would be undone.
	Undone string `json:"undone,omitempty"`
	// Text asks, Note says what the log tells, and Guess is what the draft says
	// meanwhile.
	Text  string `json:"text"`
	Note  string `json:"note,omitempty"`
	Guess string `json:"guess"`
	// Flag is how to answer on the command line; empty where the file is to be
	// edited.
	Flag string `json:"flag,omitempty"`
	// Choices are the answers that can be given; nil where the file is to be
	// edited.
	Choices []string `json:"choices,omitempty"`

	reaction int // its index, or -1
}

// Subject is what a question is about.
type Subject string

// The subjects.
const (
	AboutOutcome  Subject = "outcome"
	AboutSide     Subject = "side"
	AboutOptional Subject = "optional"
	AboutUndo     Subject = "undo"
	AboutCause    Subject = "cause"
	AboutDeadline Subject = "deadline"
)

// questions returns what a person has to be asked.
func (d *drafter) questions(f *Findings) (all []Question) {
	for _, o := range f.Outcomes {
		if o.Said {
			continue
		}
		guess := o.Class
		if guess == "" {
			guess = "neither"
		}
		all = append(all, Question{
			About: AboutOutcome, Events: []string{o.Event}, reaction: -1, Guess: guess,
			Text: fmt.Sprintf("does %s decide how a flow went?", o.Event),
			Note: fmt.Sprintf("%d flows have it, %d of them nothing else that ends them", o.Flows, o.Alone),
			Flag: "--completed, --failed", Choices: []string{"completed", "failed", "neither"},
		})
	}
	for i := range f.Reactions {
		r := &f.Reactions[i]
		all = append(all, d.aboutReaction(f, r, i)...)
	}
	return all
}

// aboutReaction returns the questions about one reaction.
func (d *drafter) aboutReaction(f *Findings, r *Reaction, i int) (all []Question) {
	step := strings.Join(r.Emits, " | ")
	ask := func(q Question) {
		q.Events, q.reaction = r.Emits, i
		all = append(all, q)
	}
	if r.claim.kind == unprompted {
		begun := func(t string) bool { return slices.Contains(f.Starts, t) }
		if rest := slices.DeleteFunc(slices.Clone(r.Emits), begun); len(rest) > 0 && !d.causal[r.claim.service] && d.told < 0.5 {
			step = strings.Join(rest, " | ")
			ask(Question{About: AboutCause, Guess: "nothing", Text: fmt.Sprintf("does nothing in a flow cause %s?", step), Note: "nothing in the log explains when it comes"})
		}
		return all
	}
	outcome := slices.ContainsFunc(f.Outcomes, func(o Outcome) bool { return o.Class != "" && slices.Contains(r.Emits, o.Event) })
	if d.answers.Side == nil && r.Undoes == "" && !outcome && d.leaf(r.claim) {
		ask(Question{
			About: AboutSide, Guess: yesNo(r.Side), Flag: "--side", Choices: []string{"yes", "no"},
			Text: fmt.Sprintf("is %s a side effect, which no flow waits for?", step),
		})
	}
	if d.answers.Optional == nil && r.Met*100 < r.Expected*95 {
		ask(Question{
			About: AboutOptional, Guess: yesNo(r.Optional), Flag: "--optional", Choices: []string{"yes", "no"},
			Text: fmt.Sprintf("may %s be left out?", step), Note: fmt.Sprintf("it came %d of %d times; the others were faults otherwise", r.Met, r.Expected),
		})
	}
	if r.claim.guessed {
		ask(Question{
			About: AboutUndo, Guess: "yes", Flag: "--undoes " + r.Emits[0] + "=" + r.Undoes, Choices: []string{"yes", "no"}, Undone: r.Undoes,
			Text: fmt.Sprintf("does %s undo %s?", step, r.Undoes), Note: "its name says so; the log fits either way",
		})
	}
	if r.Inferred && len(r.Instead) > 0 {
		var others []string
		for _, on := range r.Instead {
			others = append(others, instead(r.On, on))
		}
		ask(Question{
			About: AboutCause, Guess: strings.Join(r.On, ", "),
			Text: fmt.Sprintf("what causes %s?", step), Note: "the log also allows " + strings.Join(others, "; or "),
		})
	}
	switch {
	case r.Samples == 0:
		ask(Question{About: AboutDeadline, Guess: short(time.Duration(r.Within)), Text: fmt.Sprintf("within what time does %s owe %s?", r.Service, step), Note: "the log has no times"})
	case r.Samples < fewSamples:
		ask(Question{About: AboutDeadline, Guess: short(time.Duration(r.Within)), Text: fmt.Sprintf("within what time does %s owe %s?", r.Service, step), Note: fmt.Sprintf("only %d answers were seen", r.Samples)})
	}
	return all
}

// instead says how one set of triggers differs from another.
func instead(from, to []string) string {
	without := func(a, b []string) []string {
		return slices.DeleteFunc(slices.Clone(a), func(w string) bool { return slices.Contains(b, w) })
	}
	less, more := without(from, to), without(to, from)
	switch {
	case len(less) == 0:
		return strings.Join(more, ", ") + " beside them"
	case len(more) == 0:
		return "all but " + strings.Join(less, ", ")
	default:
		return strings.Join(more, ", ") + " instead of " + strings.Join(less, ", ")
	}
}

func yesNo(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}

// short writes a duration in few units.
func short(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
