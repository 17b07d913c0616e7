package messaging

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestRedact(t *testing.T) {
	for text, want := range map[string]string{
		"nothing here":                           "nothing here",
		"http://collector:4318/v1/traces":        "http://collector:4318/v1/traces",
		"amqp://u:p@h:5672/v":                    "amqp://REDACTED@h:5672/v",
		"amqp://u@h":                             "amqp://REDACTED@h",
		"postgres://u:p@ss@h/db?x=1@2":           "postgres://REDACTED@h/db?x=1@2",
		"a amqp://u:p@h, b https://u2:p2@h2/x@y": "a amqp://REDACTED@h, b https://REDACTED@h2/x@y",
		"mail to x@y.example, see http://h":      "mail to x@y.example, see http://h",
	} {
		require.Equal(t, want, Redact(text))
	}
}

func TestDescribe(t *testing.T) {
	require.Empty(t, Describe(nil))
	rapid.Check(t, func(t *rapid.T) {
		text := Describe(errors.New(string(rapid.SliceOf(rapid.Byte()).Draw(t, "text")) + strings.Repeat("é", rapid.IntRange(0, 2000).Draw(t, "n"))))
		require.True(t, utf8.ValidString(text))
		require.LessOrEqual(t, len(text), maxDescription)
	})
}

func TestClean(t *testing.T) {
	require.Equal(t, "order.placed", clean("order.placed"))
	require.Equal(t, "a\uFFFDb", clean("a\xffb"))
	rapid.Check(t, func(t *rapid.T) {
		text := clean(string(rapid.SliceOf(rapid.Byte()).Draw(t, "text")))
		require.True(t, utf8.ValidString(text))
		require.LessOrEqual(t, len(text), maxText)
	})
}
