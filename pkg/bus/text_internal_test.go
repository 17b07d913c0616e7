package bus

import (
	"errors"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestClipText(t *testing.T) {
	require.Equal(t, "fine", clipText("fine", 10))
	require.Equal(t, "a b c", clipText("a\nb\x00c", 10))
	require.Equal(t, "a\uFFFDb", clipText("a\xff\xfeb", 10))
	require.Equal(t, "1234567890", clipText("1234567890", 10))
	require.Equal(t, "1234567…", clipText("12345678901", 10))
	require.Equal(t, "12345…", clipText("12345éééé", 9), "no letter is cut in two")

	rapid.Check(t, func(t *rapid.T) {
		s := string(rapid.SliceOf(rapid.Byte()).Draw(t, "text"))
		limit := rapid.IntRange(3, 60).Draw(t, "limit")
		got := clipText(s, limit)
		if len(got) > limit || !utf8.ValidString(got) || strings.ContainsFunc(got, unicode.IsControl) {
			t.Fatalf("%q has %d bytes, at most %d are allowed", got, len(got), limit)
		}
	})
}

func TestErrorText(t *testing.T) {
	require.Empty(t, Verdict{}.ErrorText())
	require.Equal(t, "line one line two", Verdict{Err: errors.New("line one\nline two")}.ErrorText())
	require.Len(t, Verdict{Err: errors.New(strings.Repeat("x", 5000))}.ErrorText(), MaxErrorText)
}
