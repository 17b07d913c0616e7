// Command order runs the order service; see --help.
package main

import (
	"github.com/laban-io/laban/internal/chassis"
	"github.com/laban-io/laban/services/order"
)

func main() {
	chassis.Main(order.Spec())
}
