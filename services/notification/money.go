package notification

import (
	"fmt"
	"strconv"

	"golang.org/x/text/currency"
)

// money writes an amount in minor units with its currency: 4900 EUR as
// "49.00 EUR", 4900 JPY as "4900 JPY". Of an unknown currency nobody knows
// where the point goes.
func money(minor int64, code string) string {
	unit, err := currency.ParseISO(code)
	if err != nil {
		return fmt.Sprintf("%d minor units of an unknown currency", minor)
	}
	digits, _ := currency.Standard.Rounding(unit)
	if digits == 0 {
		return strconv.FormatInt(minor, 10) + " " + unit.String()
	}
	text := fmt.Sprintf("%0*d", digits+1, minor)
	point := len(text) - digits
	return text[:point] + "." + text[point:] + " " + unit.String()
}
