// Command delivery runs the delivery service on a simulated carrier; see --help.
package main

import (
	"github.com/laban-io/laban/internal/chassis"
	"github.com/laban-io/laban/services/delivery"
)

func main() {
	chassis.Main(delivery.New(delivery.Settings{}, nil).Spec())
}
