package demo

import (
	"fmt"
	"strconv"
	"strings"
)

// customers makes the mail addresses of the demo's customers. An address has
// the run and the order's number in it, which is how the demo knows its orders
// in the log, whatever else is there.
type customers struct{ run string }

// domain is one that no mail reaches (RFC 2606).
const domain = "@demo.example"

// address returns the address of the customer of order number seq.
func (c customers) address(seq int) string {
	names := [...]string{"ada", "grace", "alan", "edsger", "barbara", "tony", "margaret", "ken", "frances", "dennis"}
	return fmt.Sprintf("%s+%s-%d%s", names[seq%len(names)], c.run, seq, domain)
}

// whose tells whom an order belongs to.
type whose int

const (
	ours whose = iota
	anotherRuns
	somebodys // placed by hand, most likely
)

// number returns the number of the order whose customer has the address.
func (c customers) number(address string) (seq int, w whose) {
	local, ok := strings.CutSuffix(address, domain)
	if !ok {
		return 0, somebodys
	}
	_, tag, _ := strings.Cut(local, "+")
	run, number, ok := strings.Cut(tag, "-")
	if !ok || run != c.run {
		return 0, anotherRuns
	}
	seq, err := strconv.Atoi(number)
	if err != nil {
		return 0, anotherRuns
	}
	return seq, ours
}
