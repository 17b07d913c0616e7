package messaging

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

// maxText is the longest text from a message that becomes an attribute, in
// bytes. AMQP's short strings have at most 255.
const maxText = 256

// clean makes text from a message fit for an attribute. OTLP carries UTF-8
// only: one ill-formed string fails the export of its whole batch.
func clean(s string) string { return fit(s, maxText) }

// fit returns s as valid UTF-8 of at most limit bytes.
func fit(s string, limit int) string {
	if len(s) > limit {
		s = s[:limit]
	}
	if utf8.ValidString(s) {
		return s
	}
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) > limit {
		s = strings.ToValidUTF8(s[:limit], "") // what replaces a byte is longer
	}
	return s
}

// maxDescription bounds the text of an error in a span's status, in bytes.
const maxDescription = 1024

// Describe returns err's text as a span may carry it: short, valid UTF-8, and
// without the passwords of URLs.
func Describe(err error) string {
	if err == nil {
		return ""
	}
	return fit(Redact(err.Error()), maxDescription)
}

// userinfo is the part of a URL's authority before the last "@".
var userinfo = regexp.MustCompile(`://[^/?#\s"'<>]*@`)

// Redact removes user names and passwords from the URLs in text.
func Redact(text string) string {
	if !strings.Contains(text, "://") {
		return text
	}
	return userinfo.ReplaceAllString(text, "://REDACTED@")
}
