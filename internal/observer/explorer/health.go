package explorer

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/laban-io/laban/internal/observer"
)

// healthBody is the page of the observer's health.
type healthBody struct {
	observer.Status
	Word, Glyph, Why string
	Up               time.Duration
	Pulse            time.Duration // since the last one
	Silent           bool          // there was none yet
	Unclaimed        []counted
	Malformed        []counted
	Missing          []string // contract services that have not announced themselves
}

type counted struct {
	Name  string
	Count uint64
}

func (x *Explorer) healthPage(*http.Request) (*view, error) {
	s := x.cfg.Observer.Status()
	b := &healthBody{Status: s, Up: time.Since(s.Started), Silent: s.Log.LastPulse.IsZero()}
	if !b.Silent {
		b.Pulse = max(time.Since(s.Log.LastPulse), 0)
	}
	switch {
	case s.Role == observer.Active && s.Blind == observer.NotBlind:
		b.Word, b.Glyph, b.Why = "completed", "sees", "It reads the log as it is written, and judges by it."
	case s.Role == observer.Active:
		b.Word, b.Glyph, b.Why = "stalled", "blind", "Nothing can be said of the present, and nothing is newly called stalled: "+string(s.Blind)
		if s.BlindDetail != "" {
			b.Why += ", " + s.BlindDetail
		}
		b.Why += "."
	case s.Role == observer.Standby:
		b.Word, b.Glyph, b.Why = "running", "stands by", "Another observer pulses; this one waits to take over."
	default:
		b.Word, b.Glyph, b.Why = "running", string(s.Role), "It is on its way to the end of the log."
	}
	b.Unclaimed, b.Malformed = sorted(s.Unclaimed), sorted(s.Malformed)
	slices.SortFunc(b.Services, func(a, c observer.ServiceStatus) int { return strings.Compare(a.Name, c.Name) })
	return &view{Page: "health", Nav: "health", Title: "Health", Body: b, Live: true}, nil
}

func sorted(counts map[string]uint64) []counted {
	var all []counted
	for name, n := range counts {
		if n > 0 {
			all = append(all, counted{name, n})
		}
	}
	slices.SortFunc(all, func(a, b counted) int { return strings.Compare(a.Name, b.Name) })
	return all
}
