package explorer

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/laban-io/laban/internal/ledger"
)

// Bounds of the page of parked messages.
const (
	maxParked  = 2000
	maxShown   = 20 // messages of a group
	maxSummary = 160
)

// parkedBody is the page of parked messages.
type parkedBody struct {
	Groups       []parkedGroup
	Total, Flows int
	More         bool // there are more than are shown
}

// parkedGroup are messages that failed alike.
type parkedGroup struct {
	Service, Type, Error string
	Count                int
	First, Last          time.Time
	Standing             []statusCount
	Messages             []parkedMessage
	Hidden               int
	Stalled              string // the address of the flows that wait
}

type parkedMessage struct {
	ledger.ParkedMessage
	Status string
}

func (x *Explorer) parkedPage(r *http.Request) (*view, error) {
	parked, err := x.cfg.Reader.Parked(r.Context(), maxParked)
	if err != nil {
		return nil, err
	}
	return &view{Page: "parked", Nav: "parked", Title: "Parked messages", Body: groupParked(parked), Live: true}, nil
}

// groupParked groups messages by service, type and the first line of the error,
// with numbers left out: the same mistake says another number each time.
func groupParked(parked []ledger.ParkedMessage) *parkedBody {
	b := &parkedBody{Total: len(parked), More: len(parked) == maxParked}
	type fingerprint struct{ service, kind, err string }
	index := map[fingerprint]int{}
	standing := map[int]map[string]int{}
	for i := range parked {
		p := parkedMessage{ParkedMessage: parked[i]}
		if p.Known {
			p.Status = p.ParkedMessage.Status.String()
		}
		k := fingerprint{p.Service, p.Type, mistake(p.Error)}
		n, known := index[k]
		if !known {
			n = len(b.Groups)
			index[k] = n
			standing[n] = map[string]int{}
			q := url.Values{"service": {p.Service}, "cause": {"parked"}}
			b.Groups = append(b.Groups, parkedGroup{Service: p.Service, Type: p.Type, Error: p.Error, Last: p.LogTime, Stalled: "/?" + q.Encode()})
		}
		g := &b.Groups[n]
		g.Count++
		g.First = p.LogTime // the newest come first
		if p.Known {
			standing[n][p.Status]++
		}
		if len(g.Messages) < maxShown {
			g.Messages = append(g.Messages, p)
		} else {
			g.Hidden++
		}
	}
	for n := range b.Groups {
		for status, count := range standing[n] {
			b.Groups[n].Standing = append(b.Groups[n].Standing, statusCount{Status: status, Count: count})
		}
		slices.SortFunc(b.Groups[n].Standing, func(a, c statusCount) int {
			return cmp.Or(cmp.Compare(c.Count, a.Count), cmp.Compare(a.Status, c.Status))
		})
	}
	slices.SortStableFunc(b.Groups, func(a, c parkedGroup) int { return cmp.Compare(c.Count, a.Count) })
	return b
}

// mistake is an error without what differs from one message to the next.
func mistake(text string) string {
	text, _, _ = strings.Cut(text, "\n")
	text = strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return '#'
		}
		return r
	}, text)
	return text[:min(len(text), maxSummary)]
}
