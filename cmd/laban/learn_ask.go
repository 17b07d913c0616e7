package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"golang.org/x/term"

	"github.com/laban-io/laban/internal/learn"
)

// people is somebody at a terminal who can be asked.
type people struct {
	in  *bufio.Reader
	out io.Writer
	// gone tells that nobody answers any more.
	gone bool
}

// rounds is how often it is asked at most: answers may raise other questions.
const rounds = 3

// improve asks what can be asked, and drafts anew with the answers.
func (p *people) improve(log *learn.Log, d *learn.Draft, answers learn.Answers) (*learn.Draft, error) {
	choice := func(q learn.Question) bool { return len(q.Choices) > 0 }
	for round := range rounds {
		if !slices.ContainsFunc(d.Questions, choice) {
			break
		}
		if round == 0 {
			fmt.Fprintln(p.out, "Some things no log can tell. Enter takes what is in brackets.")
		}
		if err := p.ask(d.Questions, &answers); err != nil {
			return nil, err
		}
		var err error
		if d, err = log.Draft(answers); err != nil {
			return nil, err
		}
	}
	fmt.Fprintln(p.out)
	return d, nil
}

// people returns who can be asked, or nil: questions are asked where both sides
// of the dialogue are a terminal, and the log does not come from there.
func (f *learnFlags) people(s streams) *people {
	if f.noAsk || f.from == "-" || f.output != "yaml" {
		return nil
	}
	in, isFile := s.in.(*os.File)
	if _, seen := terminal(s.err); !isFile || !seen || !term.IsTerminal(int(in.Fd())) {
		return nil
	}
	return &people{in: bufio.NewReader(in), out: s.err}
}

// ask asks the questions that have a choice of answers, and puts what is
// answered beside what was.
func (p *people) ask(questions []learn.Question, answers *learn.Answers) error {
	for _, q := range questions {
		if len(q.Choices) == 0 {
			continue
		}
		answer := q.Guess
		if !p.gone {
			var err error
			answer, err = p.one(q)
			if p.gone = errors.Is(err, io.EOF); p.gone {
				fmt.Fprintln(p.out, "\nwhat was not answered is as guessed")
				answer = q.Guess
			} else if err != nil {
				return fmt.Errorf("read an answer: %w", err)
			}
		}
		take(q, answer, answers)
	}
	return nil
}

// one asks one question until it is answered.
func (p *people) one(q learn.Question) (string, error) {
	fmt.Fprintf(p.out, "\n%s%s\n", strings.ToUpper(q.Text[:1]), q.Text[1:])
	if q.Note != "" {
		fmt.Fprintf(p.out, "(%s)\n", q.Note)
	}
	for {
		fmt.Fprintf(p.out, "%s [%s] ", strings.Join(q.Choices, "/"), q.Guess)
		text, err := p.in.ReadString('\n')
		if err != nil {
			return "", err
		}
		word := strings.ToLower(strings.TrimSpace(text))
		if word == "" {
			return q.Guess, nil
		}
		if i := slices.IndexFunc(q.Choices, func(c string) bool { return strings.HasPrefix(c, word) }); i >= 0 {
			return q.Choices[i], nil
		}
	}
}

// take puts an answer among the others.
func take(q learn.Question, answer string, a *learn.Answers) {
	add := func(list *[]string, to bool) {
		if *list == nil {
			*list = []string{}
		}
		if to {
			*list = append(*list, q.Events...)
		}
	}
	switch q.About {
	case learn.AboutOutcome:
		add(&a.Completed, answer == "completed")
		add(&a.Failed, answer == "failed")
	case learn.AboutSide:
		add(&a.Side, answer == "yes")
	case learn.AboutOptional:
		add(&a.Optional, answer == "yes")
	case learn.AboutUndo:
		if a.Undoes == nil {
			a.Undoes = map[string]string{}
		}
		for _, event := range q.Events {
			a.Undoes[event] = map[bool]string{true: q.Undone}[answer == "yes"]
		}
	case learn.AboutCause, learn.AboutDeadline:
	}
}
