// Package topic matches routing keys with the bindings of AMQP topic exchanges.
package topic

import "strings"

// Matches tells whether a topic pattern matches a routing key: "*" stands for
// exactly one dot-separated word, "#" for zero or more. The empty key has no
// word. Its time is bounded by the product of both lengths, whatever they
// contain.
func Matches(pattern, key string) bool {
	if pattern == "#" || pattern == key {
		return true
	}
	if !IsPattern(pattern) {
		return false
	}
	return matchWords(split(pattern), split(key))
}

// AnyMatches tells whether one of the patterns matches.
func AnyMatches(patterns []string, key string) bool {
	for _, pattern := range patterns {
		if Matches(pattern, key) {
			return true
		}
	}
	return false
}

// IsPattern tells whether a word of s is a wildcard. Within a longer word,
// these characters stand for themselves.
func IsPattern(s string) bool {
	if !strings.ContainsAny(s, "*#") {
		return false
	}
	for word := range strings.SplitSeq(s, ".") {
		if word == "*" || word == "#" {
			return true
		}
	}
	return false
}

func split(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, ".")
}

// matchWords lets each "#" take as few words as it can, and more when what
// follows does not match. Only the last "#" needs to be tried again: what comes
// before it has matched already, and it can take whatever an earlier one could.
func matchWords(pattern, words []string) bool {
	p, w := 0, 0
	hash, taken := -1, 0 // the last "#", and where the words after it begin
	for w < len(words) {
		switch {
		case p < len(pattern) && pattern[p] == "#":
			hash, taken = p, w
			p++
		case p < len(pattern) && (pattern[p] == "*" || pattern[p] == words[w]):
			p++
			w++
		case hash >= 0:
			taken++
			p, w = hash+1, taken
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == "#" {
		p++
	}
	return p == len(pattern)
}
