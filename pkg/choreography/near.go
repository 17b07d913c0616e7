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
	return newSpellings(candidates).near(name)
}

// spellings are names that others may have been meant to be, taken apart once
// for many questions.
type spellings struct {
	names  []string
	words  [][]string
	joined map[string][]int // the names of one spelling but for case and punctuation
}

func newSpellings(names []string) *spellings {
	s := &spellings{names: names, joined: map[string][]int{}}
	for i, n := range names {
		words := nameWords(n)
		s.words = append(s.words, words)
		joined := strings.Join(words, "")
		s.joined[joined] = append(s.joined[joined], i)
	}
	return s
}

// near is what nearName returns for one name.
func (s *spellings) near(name string) (string, bool) {
	if near, ok := s.same(name); ok {
		return near, true
	}
	return s.slip(name)
}

// same returns the name of the same words in another spelling.
func (s *spellings) same(name string) (string, bool) {
	for _, i := range s.joined[strings.Join(nameWords(name), "")] {
		if s.names[i] != name {
			return s.names[i], true
		}
	}
	return "", false
}

// slip returns the name that is slips away. It looks at all of them.
func (s *spellings) slip(name string) (string, bool) {
	want := nameWords(name)
	for i, words := range s.words {
		if len(words) == len(want) && s.names[i] != name && nearWords(want, words) {
			return s.names[i], true
		}
	}
	return "", false
}

// longestWord is how many bytes a word has that somebody may have mistyped.
const longestWord = 40

// nearWords tells whether two lists of as many words are the same but for slips.
func nearWords(a, b []string) bool {
	for i := range a {
		if a[i] == b[i] {
			continue
		}
		if min(len(a[i]), len(b[i])) < 4 || max(len(a[i]), len(b[i])) > longestWord {
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
