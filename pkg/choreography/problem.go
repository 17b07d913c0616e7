package choreography

import (
	"fmt"
	"slices"
	"strings"
)

// Severity is how bad a problem is.
type Severity string

// The severities.
const (
	// SeverityError is of what can't work as it is written.
	SeverityError Severity = "error"
	// SeverityWarning is of what works and is likely not meant.
	SeverityWarning Severity = "warning"
)

// Problem is one thing that is wrong with a contract, or with services that
// should follow it. Its JSON form is what laban check -o json prints.
type Problem struct {
	// Code names the kind of problem; it does not change between versions.
	// docs/reference/check.md has a section on each.
	Code     Code     `json:"code"`
	Severity Severity `json:"severity"`
	// File and Pos are where; both are empty for what only announcements tell.
	File string   `json:"file,omitempty"`
	Pos  Position `json:"position,omitzero"`
	// Choreography, Service and Event are what it is about, where they are known.
	Choreography string `json:"choreography,omitempty"`
	Service      string `json:"service,omitempty"`
	Event        string `json:"event,omitempty"`
	// Message says what is wrong, and Hint what to do about it.
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
}

// String returns "file:line:column: severity: message [code]", and the hint in a
// line of its own.
func (p Problem) String() string {
	text := fmt.Sprintf("%s: %s: %s [%s]", p.Place(), p.Severity, p.Message, p.Code)
	if p.Hint != "" {
		text += "\n    " + p.Hint
	}
	return text
}

// Place returns where the problem is, as far as that is known.
func (p Problem) Place() string {
	switch {
	case p.File == "":
		return "announcements"
	case p.Pos.Line == 0:
		return p.File
	default:
		return fmt.Sprintf("%s:%d:%d", p.File, p.Pos.Line, p.Pos.Column)
	}
}

// Errors is everything that is wrong with a file that can't be taken as a
// contract. It is never empty.
type Errors []Problem

// Error returns the problems, each as [Problem.String] has it.
func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i, p := range e {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// inOrder sorts problems by place, then by code, so that the same input always
// gives the same output.
func inOrder(problems []Problem) []Problem {
	slices.SortStableFunc(problems, func(a, b Problem) int {
		if a.File != b.File {
			return strings.Compare(a.File, b.File)
		}
		if a.Pos.Line != b.Pos.Line {
			return a.Pos.Line - b.Pos.Line
		}
		if a.Pos.Column != b.Pos.Column {
			return a.Pos.Column - b.Pos.Column
		}
		if a.Code != b.Code {
			return strings.Compare(string(a.Code), string(b.Code))
		}
		return strings.Compare(a.Message, b.Message)
	})
	return problems
}
