package bus_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/laban-io/laban/pkg/bus"
)

func TestMatchTopic(t *testing.T) {
	for _, c := range []struct {
		pattern, key string
		want         bool
	}{
		{"order.placed", "order.placed", true},
		{"order.placed", "order.canceled", false},
		{"order.placed", "order", false},
		{"order.*", "order.placed", true},
		{"order.*", "order", false},
		{"order.*", "order.item.added", false},
		{"*.placed", "order.placed", true},
		{"*", "order", true},
		{"*", "", false},
		{"#", "", true},
		{"#", "order.placed", true},
		{"order.#", "order", true},
		{"order.#", "order.item.added", true},
		{"order.#", "orders", false},
		{"#.added", "added", true},
		{"#.added", "order.item.added", true},
		{"#.added", "order.item.added.twice", false},
		{"order.#.added", "order.added", true},
		{"#.item.#", "item", true},
		{"#.*", "", false},
		{"#.*", "order", true},
		{"a.*.c", "a..c", true}, // an empty word is a word
		{"a.#", "a.", true},
		{"c#", "c#", true}, // only a whole word is a wildcard
		{"c#", "c", false},
		{"c#.*", "c#.compiled", true},
		{"c#.*", "cx.compiled", false},
	} {
		require.Equal(t, c.want, bus.MatchTopic(c.pattern, c.key), "%q against %q", c.pattern, c.key)
	}
}

// naive says what a pattern means by a regular expression.
func naive(pattern, key string) bool {
	words := strings.Split(pattern, ".")
	for i, w := range words {
		switch w {
		case "*":
			words[i] = `[^.]*\.`
		case "#":
			words[i] = `([^.]*\.)*`
		default:
			words[i] = regexp.QuoteMeta(w) + `\.`
		}
	}
	if key != "" {
		key += "." // ends each word in a dot; no word for the empty key
	}
	return regexp.MustCompile("^" + strings.Join(words, "") + "$").MatchString(key)
}

func TestMatchTopicMeansTheSame(t *testing.T) {
	word := rapid.SampledFrom([]string{"a", "b", "ab", "c#", "*c"})
	rapid.Check(t, func(t *rapid.T) {
		key := strings.Join(rapid.SliceOfN(word, 0, 7).Draw(t, "key"), ".")
		patternWord := rapid.OneOf(word, rapid.Just("*"), rapid.Just("#"))
		pattern := strings.Join(rapid.SliceOfN(patternWord, 1, 6).Draw(t, "pattern"), ".")
		if got, want := bus.MatchTopic(pattern, key), naive(pattern, key); got != want {
			t.Fatalf("%q against %q is %v, want %v", pattern, key, got, want)
		}
	})
}

// No key, however hostile, makes matching take long.
func TestMatchTopicIsBounded(t *testing.T) {
	pattern := strings.Repeat("#.a.", 60) + "b"
	key := strings.Repeat("a.", 127) + "a"
	done := make(chan bool, 1)
	go func() { done <- bus.MatchTopic(pattern, key) }()
	select {
	case matched := <-done:
		require.False(t, matched)
	case <-time.After(10 * time.Second):
		require.Fail(t, "still matching")
	}
}
