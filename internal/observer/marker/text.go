package marker

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

// Bounds of texts in a marker, in bytes.
const (
	maxName     = 512  // names and ids
	maxSentence = 2048 // evidence and reasons
)

// userinfo is the part of a URL's authority before the last "@".
var userinfo = regexp.MustCompile(`://[^/?#\s"'<>]*@`)

// sentence makes a text that comes from messages fit to be shown.
func sentence(text string) string {
	if strings.Contains(text, "://") {
		text = userinfo.ReplaceAllString(text, "://REDACTED@")
	}
	return fit(text, maxSentence)
}

// name makes a name or an id fit to be an attribute.
func name(text string) string { return fit(text, maxName) }

// fit returns text as valid UTF-8 of at most limit bytes. What is cut ends in
// an ellipsis.
func fit(text string, limit int) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	if len(text) <= limit {
		return text
	}
	const ellipsis = "…"
	cut := limit - len(ellipsis)
	for cut > 0 && !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + ellipsis
}
