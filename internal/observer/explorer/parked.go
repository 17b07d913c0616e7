package explorer

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/laban-io/laban/internal/ledger"
	"github.com/laban-io/laban/internal/parked"
)

// Bounds of the page of parked messages.
const (
	maxParked = 2000
	maxShown  = 20 // messages of a group
	maxActed  = 10
	maxBody   = 16 << 10 // bytes of an example's payload
)

// parkedBody is the page of parked messages.
type parkedBody struct {
	Groups []parkedGroup
	Total  int
	More   bool // there are more than are shown
	// Acts tells that messages can be dealt with here, and Unseen why they can't
	// although there is a desk: what is shown is then what the ledger knows.
	Acts   bool
	Unseen string
	Notes  []string // what could not be seen
	Acted  []ledger.Action
}

// parkedGroup are messages that failed alike.
type parkedGroup struct {
	Kind                 parked.Kind
	Service, Type, Error string
	Count                int
	First, Last          time.Time
	Standing             []statusCount
	Messages             []parkedMessage
	Hidden               int
	Stalled              string // the address of the flows that wait
	Handle               string
	Example              *example
}

// parkedMessage is a message and how its flow stands.
type parkedMessage struct {
	Handle                         string
	Choreography, FlowID, Key      string
	EventID, Status                string // Status is "" where the flow is not known
	At                             time.Time
	Attempt, Of                    int
	Kind                           parked.Kind
	Service, Type, Error, Redriven string
}

// example is one message of a group, whole.
type example struct {
	EventID, Source, ContentType string
	Headers                      []header
	Payload                      string
	Hidden                       string // why the payload is not shown
}

type header struct{ Name, Value string }

func (x *Explorer) parkedPage(r *http.Request) (*view, error) {
	b, err := x.parkedOf(r.Context())
	if err != nil {
		return nil, err
	}
	if b.Acted, err = x.cfg.Reader.Acted(r.Context(), maxActed); err != nil {
		return nil, err
	}
	return &view{Page: "parked", Nav: "parked", Title: "Parked messages", Body: b, Live: true}, nil
}

// parkedOf asks the desk what waits, or the ledger where there is no desk or it
// can't say.
func (x *Explorer) parkedOf(ctx context.Context) (*parkedBody, error) {
	unseen := ""
	if x.counter != nil {
		l, late, err := x.counter.waiting(ctx)
		switch {
		case l != nil:
			b, standErr := x.waitingOf(ctx, l)
			if standErr != nil {
				return nil, standErr
			}
			if late || err != nil {
				b.Notes = append(b.Notes, "This is how it was a while ago: looking at the queues takes long, or fails at present.")
			}
			return b, nil
		case err != nil:
			x.cfg.Log.WarnContext(ctx, "the queues of parked messages could not be looked at", "error", err)
			unseen = "The queues can’t be looked at: " + err.Error()
		default:
			unseen = "The queues are being looked at, which takes longer than a page may. Come back in a moment."
		}
	}
	all, err := x.cfg.Reader.Parked(ctx, maxParked)
	if err != nil {
		return nil, err
	}
	messages := make([]parkedMessage, len(all))
	for i := range all {
		p := &all[i]
		messages[i] = parkedMessage{
			Choreography: p.Choreography, FlowID: p.FlowID, Key: p.Key, EventID: p.EventID, At: p.LogTime, Attempt: p.Attempt, Of: p.Of,
			Kind: parked.Parked, Service: p.Service, Type: p.Type, Error: p.Error,
		}
		if p.Known {
			messages[i].Status = p.Status.String()
		}
	}
	slices.Reverse(messages) // the newest come first there
	b := groupParked(messages)
	b.Unseen, b.More = unseen, len(all) == maxParked
	return b, nil
}

// waitingOf makes the page of a listing.
func (x *Explorer) waitingOf(ctx context.Context, l *parked.Listing) (*parkedBody, error) {
	ids := map[string][]string{}
	for i := range l.Messages {
		if m := &l.Messages[i]; m.FlowID != "" {
			ids[m.FlowName] = append(ids[m.FlowName], m.FlowID)
		}
	}
	type flowName struct{ choreography, id string }
	stands := map[flowName]string{}
	for name, of := range ids {
		found, err := x.cfg.Reader.Standing(ctx, name, of)
		if err != nil {
			return nil, err
		}
		for id, status := range found {
			stands[flowName{name, id}] = status.String()
		}
	}
	messages := make([]parkedMessage, len(l.Messages))
	for i := range l.Messages {
		m := &l.Messages[i]
		messages[i] = parkedMessage{
			Handle: handle(m), Choreography: m.FlowName, FlowID: m.FlowID, Key: m.Key, EventID: m.ID, At: m.When(), Attempt: m.Attempt,
			Kind: m.Kind, Service: m.Service, Type: m.Type, Error: m.Error, Redriven: m.Before, Status: stands[flowName{m.FlowName, m.FlowID}],
		}
	}
	b := groupParked(messages)
	b.Acts, b.Notes = true, slices.Clone(l.Notes)
	for i := range b.Groups {
		g := &b.Groups[i]
		for k := range l.Groups {
			if handleOf(l.Groups[k].Fingerprint) == g.Handle {
				g.Example = x.exampleOf(&l.Groups[k].Example)
			}
		}
	}
	return b, nil
}

// exampleOf shows a message without its secrets.
func (x *Explorer) exampleOf(m *parked.Message) *example {
	e := &example{EventID: m.ID, Source: m.Source, ContentType: m.ContentType}
	for name, value := range m.Headers {
		if secretive(name) {
			value = "[redacted]"
		}
		e.Headers = append(e.Headers, header{name, value})
	}
	slices.SortFunc(e.Headers, func(a, b header) int { return strings.Compare(a.Name, b.Name) })
	switch {
	case len(m.Data) == 0:
		e.Hidden = "It has no payload."
	case !utf8.Valid(m.Data):
		e.Hidden = "Its payload is no text."
	default:
		if e.Payload = x.cfg.Redact(m.Data); e.Payload == "" {
			e.Hidden = "Its payload is not shown: it is too long, or what is to be redacted can’t be found in it."
		}
	}
	if len(e.Payload) > maxBody {
		e.Payload = strings.ToValidUTF8(e.Payload[:maxBody], "") + "…"
	}
	return e
}

// secretive tells whether a header may hold what nobody is to read.
func secretive(name string) bool {
	name = strings.ToLower(name)
	return slices.ContainsFunc([]string{"authorization", "cookie", "token", "secret", "password", "api-key", "api_key", "apikey", "credential"}, func(word string) bool {
		return strings.Contains(name, word)
	})
}

// groupParked groups messages by kind, service, type and the first line of the
// error with numbers left out: the same mistake says another number each time.
func groupParked(messages []parkedMessage) *parkedBody {
	b := &parkedBody{Total: len(messages)}
	index := map[parked.Fingerprint]int{}
	standing := map[int]map[string]int{}
	for i := range messages {
		m := messages[i]
		failed := parked.Fingerprint{Kind: m.Kind, Service: m.Service, Type: m.Type, Error: parked.Mistake(m.Error)}
		n, known := index[failed]
		if !known {
			n = len(b.Groups)
			index[failed] = n
			standing[n] = map[string]int{}
			q := url.Values{"service": {m.Service}, "cause": {string(m.Kind)}}
			b.Groups = append(b.Groups, parkedGroup{
				Kind: m.Kind, Service: m.Service, Type: m.Type, First: m.At, Handle: handleOf(failed), Stalled: "/?" + q.Encode(),
			})
		}
		g := &b.Groups[n]
		g.Count++
		g.Error, g.Last = m.Error, m.At
		if m.Status != "" {
			standing[n][m.Status]++
		}
		g.Messages = append(g.Messages, m)
	}
	for n := range b.Groups {
		g := &b.Groups[n]
		slices.Reverse(g.Messages) // the newest first
		if len(g.Messages) > maxShown {
			g.Hidden = len(g.Messages) - maxShown
			g.Messages = g.Messages[:maxShown]
		}
		for status, count := range standing[n] {
			g.Standing = append(g.Standing, statusCount{Status: status, Count: count})
		}
		slices.SortFunc(g.Standing, func(a, c statusCount) int {
			return cmp.Or(cmp.Compare(c.Count, a.Count), cmp.Compare(a.Status, c.Status))
		})
	}
	slices.SortStableFunc(b.Groups, func(a, c parkedGroup) int { return cmp.Compare(c.Count, a.Count) })
	return b
}
