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
func clean(s string) string {
	if len(s) > maxText {
		s = s[:maxText]
	}
	if utf8.ValidString(s) {
		return s
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

// maxDescription bounds the text of an error in a span's status, in bytes.
const maxDescription = 1024

// Describe returns err's text as a span may carry it: short, valid UTF-8, and
// without the passwords of URLs.
func Describe(err error) string {
	if err == nil {
		return ""
	}
	text := Redact(err.Error())
	if len(text) > maxDescription {
		text = text[:maxDescription]
	}
	return strings.ToValidUTF8(text, "\uFFFD")
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
