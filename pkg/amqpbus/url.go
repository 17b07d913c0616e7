package amqpbus

import (
	"net/url"
	"strings"
)

// Redact returns an AMQP URL that may be shown: without password and query.
func Redact(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || u.User == nil && strings.Contains(u.Path, "@") {
		// What can't be parsed, or only by taking a part of the password for the
		// path, may still hold one: show the host only.
		if i := strings.LastIndexByte(raw, '@'); i >= 0 {
			return "…@" + raw[i+1:]
		}
		return "(unreadable)"
	}
	if u.User != nil {
		u.User = url.User(u.User.Username())
	}
	u.RawQuery, u.Fragment = "", ""
	return u.String()
}
