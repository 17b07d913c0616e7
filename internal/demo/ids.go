package demo

import "strings"

// shortID is the part of an order's id by which people tell orders apart on a
// screen: the end of a ULID, whose beginning is the time and so alike for all.
func shortID(id string) string {
	const n = 6
	if len(id) <= n {
		return id
	}
	return id[len(id)-n:]
}

// traceID returns the trace id in a traceparent header, or "".
//
// Source: W3C Trace Context, section 3.2, version-traceid-parentid-flags.
func traceID(traceparent string) string {
	parts := strings.Split(traceparent, "-")
	if len(parts) < 4 || len(parts[1]) != 32 {
		return ""
	}
	return parts[1]
}
