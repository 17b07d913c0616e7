package ledger

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"unicode/utf8"
)

// Bounds of texts, in bytes.
const (
	maxID      = 512     // what identifies something
	maxName    = 512     // types, services, steps
	maxText    = 4096    // sentences: evidence, errors, reasons
	maxPayload = 1 << 20 // a message's data
)

// clean returns a text as both databases take it: valid UTF-8 without NUL, at
// most limit bytes long. What is not is replaced by U+FFFD.
func clean(text string, limit int) string {
	if len(text) <= limit && isClean(text) {
		return text
	}
	if len(text) > limit {
		text = text[:limit]
		// A rune that the cut went through goes whole.
		for i := 0; i < utf8.UTFMax-1 && text != ""; i++ {
			if r, size := utf8.DecodeLastRuneInString(text); r != utf8.RuneError || size != 1 {
				break
			}
			text = text[:len(text)-1]
		}
	}
	text = strings.ReplaceAll(strings.ToValidUTF8(text, "\ufffd"), "\x00", "\ufffd")
	if len(text) > limit { // the replacement is longer than what it replaces
		return clean(text, limit)
	}
	return text
}

// cleanID is clean for what identifies something: two that differ still do.
func cleanID(id string) string {
	if len(id) <= maxID && isClean(id) {
		return id
	}
	sum := sha256.Sum256([]byte(id))
	suffix := "~" + hex.EncodeToString(sum[:16])
	return clean(id, maxID-len(suffix)) + suffix
}

func isClean(text string) bool {
	for i := range len(text) {
		switch c := text[i]; {
		case c == 0:
			return false
		case c >= utf8.RuneSelf:
			return utf8.ValidString(text) && !strings.Contains(text, "\x00")
		}
	}
	return true
}
