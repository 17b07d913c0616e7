package source

import (
	"errors"
	"fmt"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/laban-io/laban/pkg/amqpbus"
)

// ErrRefused is wrapped by errors about what the broker does not let this user
// do. They say which permission it needs.
var ErrRefused = errors.New("the broker does not let this user do that")

// lack is a permission that this user does not have.
type lack struct {
	doing, permission, names string
	answer                   *amqp.Error
}

func (l *lack) Error() string {
	return fmt.Sprintf("%s: this user needs the permission to %s %s; rabbitmqctl set_permissions grants it, and docs/guides/operate-the-observer.md lists all that an observer needs: %v",
		l.doing, l.permission, l.names, l.answer)
}

func (l *lack) Unwrap() []error {
	return []error{ErrRefused, &amqpbus.AccessError{What: "to " + l.permission + " " + l.names, Err: l.answer}}
}

// lacks returns err with what to grant, where the broker refused what was
// tried for want of a permission; another error it returns as it is. permission is
// "configure", "write" or "read", names are what it is needed on.
func lacks(err error, doing, permission, names string) error {
	var answer *amqp.Error
	if !errors.As(err, &answer) || answer.Code != amqp.AccessRefused {
		return err
	}
	return &lack{doing, permission, names, answer}
}
