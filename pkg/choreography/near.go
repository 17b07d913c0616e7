package choreography

import (
	"strings"
	"unicode"

	"github.com/laban-io/laban/internal/nearest"
)

// nearName returns the candidate that somebody who wrote name most likely meant:
// one with the same words in another spelling (PaymentRejected, payment_rejected,
// payment.rejected), or with as many words of which each is the same or a slip
// away. Words are compared one by one, so that payment.rejected is not taken for
// a slip of payment.returned.
func nearName(name string, candidates []string) (string, bool) {
	want := nameWords(name)
	for _, c := range candidates {
		if c != name && strings.Join(nameWords(c), "") == strings.Join(want, "") {
			return c, true
		}
	}
	for _, c := range candidates {
		if c != name && nearWords(want, nameWords(c)) {
			return c, true
		}
	}
	return "", false
}

func nearWords(a, b []string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] == b[i] {
			continue
		}
		if len(a[i]) < 4 || len(b[i]) < 4 {
			return false
		}
		if _, ok := nearest.Of(a[i], []string{b[i]}); !ok {
			return false
		}
	}
	return true
}

// nameWords splits a name at punctuation and capitals, in lower case.
func nameWords(name string) (list []string) {
	var current []rune
	end := func() {
		if len(current) > 0 {
			list = append(list, string(current))
			current = nil
		}
	}
	lower := false // the letter before was lower case
	for _, r := range name {
		switch {
		case !unicode.IsLetter(r) && !unicode.IsDigit(r):
			end()
			lower = false
			continue
		case unicode.IsUpper(r) && lower:
			end()
		}
		current = append(current, unicode.ToLower(r))
		lower = unicode.IsLower(r) || unicode.IsDigit(r)
	}
	end()
	return list
}
