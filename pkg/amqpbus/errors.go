package amqpbus

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"

	amqp "github.com/rabbitmq/amqp091-go"
)

// ConflictError tells that something is declared already, with another
// argument. The broker never changes the arguments of what exists.
type ConflictError struct {
	// Kind is "queue" or "exchange", Name its name.
	Kind, Name string
	// Argument is what differs; Wanted is this program's value and Existing the
	// broker's. They are empty where the broker did not say.
	Argument, Wanted, Existing string
	// Err is the broker's own error.
	Err error
}

// Error names what conflicts and the way out.
func (e *ConflictError) Error() string {
	what := fmt.Sprintf("%s %q exists with other arguments", e.Kind, e.Name)
	if e.Argument != "" {
		what = fmt.Sprintf("%s %q exists with %s=%s, this program wants %s", e.Kind, e.Name, e.Argument, e.Existing, e.Wanted)
	}
	way := "arguments can't be changed: use the old value"
	if e.Kind == "queue" {
		way += fmt.Sprintf(", or let the queue run empty, stop its consumers and delete it (rabbitmqctl delete_queue %s --if-empty); it is declared again at the next start", e.Name)
	} else {
		way += ", or delete the exchange while its publishers are stopped; it is declared again at the next start"
	}
	return fmt.Sprintf("%s; %s: %v", what, way, e.Err)
}

// Unwrap returns the broker's own error.
func (e *ConflictError) Unwrap() error { return e.Err }

// AccessError tells that the broker refuses this user: the login, the virtual
// host, or an operation.
type AccessError struct {
	// What was refused.
	What string
	Err  error
}

// Error says what was refused and what to check.
func (e *AccessError) Error() string {
	return fmt.Sprintf("the broker refuses %s; check the URL's user, password and virtual host, and the user's permissions (configure, write and read on the names of package amqpbus): %v", e.What, e.Err)
}

// Unwrap returns the broker's own error.
func (e *AccessError) Unwrap() error { return e.Err }

var inequivalent = regexp.MustCompile(`inequivalent arg '([^']*)' for (queue|exchange) '([^']*)' in vhost '[^']*': received (.*) but current is (.*)$`)
var quoted = regexp.MustCompile(`^(?:the value )?'([^']*)'(?: of type '[^']*')?$`)

// explain returns a ConflictError or an AccessError where err is one.
func explain(err error, kind, name string) error {
	var amqpErr *amqp.Error
	if !errors.As(err, &amqpErr) {
		return err
	}
	switch amqpErr.Code {
	case amqp.PreconditionFailed:
		conflict := &ConflictError{Kind: kind, Name: name, Err: err}
		if m := inequivalent.FindStringSubmatch(amqpErr.Reason); m != nil {
			conflict.Argument, conflict.Wanted, conflict.Existing = m[1], argumentValue(m[4]), argumentValue(m[5])
		}
		return conflict
	case amqp.AccessRefused:
		return &AccessError{What: "access to " + kind + " " + name, Err: err}
	}
	return err
}

// argumentValue turns "the value '500' of type 'long'" into "500".
func argumentValue(text string) string {
	if m := quoted.FindStringSubmatch(text); m != nil {
		return m[1]
	}
	return text
}

// permanent tells whether trying again can't help.
func permanent(err error) bool {
	var conflict *ConflictError
	var access *AccessError
	return errors.As(err, &conflict) || errors.As(err, &access)
}

// tooLarge matches the broker's refusal of a message beyond max_message_size.
var tooLarge = regexp.MustCompile(`message size \d+ is larger than (?:configured )?max(?:imum)? size (\d+)`)

// sizeLimit returns the limit that closed a channel, if that is why.
func sizeLimit(err error) (int, bool) {
	var amqpErr *amqp.Error
	if !errors.As(err, &amqpErr) {
		return 0, false
	}
	m := tooLarge.FindStringSubmatch(amqpErr.Reason)
	if m == nil {
		return 0, false
	}
	limit, err := strconv.Atoi(m[1])
	return limit, err == nil
}
