// Command payment runs the payment service on a simulated provider; see --help.
package main

import (
	"github.com/laban-io/laban/internal/chassis"
	"github.com/laban-io/laban/services/payment"
)

func main() {
	chassis.Main(payment.New(payment.Settings{}, nil).Spec())
}
