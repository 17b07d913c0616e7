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
	return &people{bufio.NewReader(in), s.err}
}

// ask asks the questions that have a choice of answers, and puts what is
// answered beside what was.
func (p *people) ask(questions []learn.Question, answers *learn.Answers) error {
	fmt.Fprintln(p.out, "Some things no log can tell. Enter takes what is in brackets.")
	for _, q := range questions {
		if len(q.Choices) == 0 {
			continue
		}
		answer, err := p.one(q)
		if errors.Is(err, io.EOF) {
			fmt.Fprintln(p.out, "\nwhat was not answered is as guessed")
			answer = q.Guess
		} else if err != nil {
			return fmt.Errorf("read an answer: %w", err)
		}
		take(q, answer, answers)
	}
	fmt.Fprintln(p.out)
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
		switch word := strings.ToLower(strings.TrimSpace(text)); {
		case word == "":
			return q.Guess, nil
		default:
			if i := slices.IndexFunc(q.Choices, func(c string) bool { return strings.HasPrefix(c, word) }); i >= 0 {
				return q.Choices[i], nil
			}
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
	case learn.AboutUndo, learn.AboutCause, learn.AboutDeadline:
	}
}
