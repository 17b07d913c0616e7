package order

import (
	"fmt"
	"net/mail"
	"strings"
	"unicode"

	"github.com/danielgtaylor/huma/v2"
)

var _ huma.ResolverWithPath = (*Place)(nil)

// Resolve checks what the schema can't say. Its errors name fields and never
// repeat values.
func (p *Place) Resolve(_ huma.Context, path *huma.PathBuffer) []error {
	var errs []error
	report := func(field, message string) {
		errs = append(errs, &huma.ErrorDetail{Location: path.With(field), Message: message})
	}
	if !isAddress(p.CustomerEmail) {
		report("customer_email", "expected one e-mail address, such as ada@example.com, without a display name")
	}
	if hasControl(p.ShipTo) || strings.TrimSpace(p.ShipTo) == "" {
		report("ship_to", "expected an address in one line, without control characters")
	}
	seen := make(map[string]bool, len(p.Items))
	for i, it := range p.Items {
		if seen[it.SKU] {
			report(fmt.Sprintf("items[%d].sku", i), "expected each SKU once; add the quantities up")
		}
		seen[it.SKU] = true
	}
	return errs
}

// isAddress tells whether s is one plain e-mail address that every mail server
// takes: local@domain in ASCII, without quoting, comments, a display name or an
// address literal.
func isAddress(s string) bool {
	a, err := mail.ParseAddress(s)
	plain := func(r rune) bool { return r > ' ' && r <= '~' && r != '[' }
	return err == nil && a.Address == s && strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0
}

func hasControl(s string) bool { return strings.IndexFunc(s, unicode.IsControl) >= 0 }
