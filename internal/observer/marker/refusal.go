package marker

import (
	"regexp"
	"strconv"
)

// verdict is what a collector made of some spans.
type verdict int

const (
	accepted verdict = iota
	// partly: it took them but for some, and must not be sent them again.
	partly
	// refused: it will never take them as they are.
	refused
	// failing: it may take them later. This is also what a wrong address or
	// password is, since somebody will mend it.
	failing
)

// How OpenTelemetry's clients report what a collector said. The types of these
// errors are internal to them; tests hold the patterns to the real clients.
var (
	partialSuccess = regexp.MustCompile(`(?s)^OTLP partial success: .*\((\d+) spans rejected\)$`)
	refusal        = regexp.MustCompile(`^(failed to send to \S+ (400|413|422) |` +
		`rpc error: code = (InvalidArgument|OutOfRange|DataLoss) |request (body|message) too large)`)
)

// judge says what an error of a client means, and how many spans were rejected
// where the collector took the others.
//
// Source: OTLP specification 1.x, "Failures" and "Partial Success" of OTLP/gRPC
// and of OTLP/HTTP.
func judge(err error) (verdict, int64) {
	if err == nil {
		return accepted, 0
	}
	if match := partialSuccess.FindStringSubmatch(err.Error()); match != nil {
		if n, numErr := strconv.ParseInt(match[1], 10, 64); numErr == nil {
			return partly, n
		}
	}
	if refusal.MatchString(err.Error()) {
		return refused, 0
	}
	return failing, 0
}
