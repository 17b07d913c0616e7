// Command notification runs the notification service; see --help.
package main

import (
	"github.com/laban-io/laban/internal/chassis"
	"github.com/laban-io/laban/services/notification"
)

func main() {
	chassis.Main(notification.New(notification.Settings{}, nil).Spec())
}
