package bus

import "strings"

// MatchTopic tells whether an AMQP topic pattern matches a routing key: "*"
// stands for exactly one dot-separated word, "#" for zero or more.
func MatchTopic(pattern, key string) bool {
	if pattern == "#" || pattern == key {
		return true
	}
	if !isPattern(pattern) {
		return false
	}
	return matchWords(strings.Split(pattern, "."), strings.Split(key, "."))
}

func isPattern(s string) bool { return strings.ContainsAny(s, "*#") }

func matchWords(pattern, words []string) bool {
	for i, p := range pattern {
		if p == "#" {
			rest := pattern[i+1:]
			for n := 0; n <= len(words); n++ {
				if matchWords(rest, words[n:]) {
					return true
				}
			}
			return false
		}
		if len(words) == 0 || (p != "*" && p != words[0]) {
			return false
		}
		words = words[1:]
	}
	return len(words) == 0
}
