// Command inventory runs the inventory service; see --help.
package main

import (
	"github.com/laban-io/laban/internal/chassis"
	"github.com/laban-io/laban/services/inventory"
)

func main() {
	chassis.Main(inventory.New(inventory.Settings{}).Spec())
}
