// Package services holds what belongs to the order system as a whole, which is
// its contract; each service is a package of its own below.
package services

import (
	_ "embed"
	"strings"

	"github.com/laban-io/laban/pkg/choreography"
)

//go:embed order.choreography.yaml
var orderContract string

// OrderContractFile is the name of the file that the contract is in.
const OrderContractFile = "order.choreography.yaml"

// OrderContract returns the order system's contract as it is written.
func OrderContract() string { return strings.Clone(orderContract) }

// Order returns the order system's contract. An error means that this build is
// broken; a test keeps that from happening.
func Order() (*choreography.Choreography, error) {
	return choreography.Parse(OrderContractFile, []byte(orderContract))
}
