package choreography

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

const day = 24 * time.Hour

// maxDuration is far beyond any flow, and far from an overflow.
const maxDuration = 3650 * day

// parseDuration reads a duration as Go writes it, with whole days (d) before
// the rest: 250ms, 30s, 1h30m, 7d, 1d12h. It must be positive.
func parseDuration(s string) (time.Duration, error) {
	rest := s
	var total time.Duration
	if days, after, ok := strings.Cut(s, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		if err != nil {
			return 0, errors.New("which is no duration")
		}
		total, rest = time.Duration(n)*day, after
	}
	if rest != "" {
		d, err := time.ParseDuration(rest)
		switch {
		case err != nil && strings.Trim(s, "0123456789.") == "":
			return 0, errors.New("which has no unit")
		case err != nil:
			return 0, errors.New("which is no duration")
		case d < 0 || strings.HasPrefix(rest, "+"):
			return 0, errors.New("which has a sign")
		case d > maxDuration:
			return 0, errors.New("which is longer than ten years")
		}
		total += d
	}
	switch {
	case s == "":
		return 0, errors.New("which is no duration")
	case total <= 0:
		return 0, errors.New("which is no time at all")
	case total > maxDuration:
		return 0, errors.New("which is longer than ten years")
	}
	return total, nil
}

// formatDuration writes a duration so that [parseDuration] reads the same, in as
// few units as it takes.
func formatDuration(d time.Duration) string {
	text := ""
	if days := d / day; days > 0 {
		text, d = strconv.FormatInt(int64(days), 10)+"d", d%day
	}
	if d == 0 && text != "" {
		return text
	}
	rest := d.String()
	if strings.HasSuffix(rest, "m0s") {
		rest = strings.TrimSuffix(rest, "0s")
	}
	if strings.HasSuffix(rest, "h0m") {
		rest = strings.TrimSuffix(rest, "0m")
	}
	return text + rest
}
