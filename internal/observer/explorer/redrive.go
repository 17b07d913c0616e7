package explorer

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/laban-io/laban/internal/ledger"
	"github.com/laban-io/laban/internal/observer"
	"github.com/laban-io/laban/internal/observer/api"
	"github.com/laban-io/laban/internal/parked"
)

// What a person can have done with messages.
const (
	redrive = "redrive"
	discard = "discard"
)

// Bounds of an order.
const (
	maxOrdered = 500 // messages
	maxForm    = 64 << 10
	maxReason  = 500
	maxBy      = 100
	// jobPatience is how long the page of a job waits for its end, so that most
	// people see nothing else.
	jobPatience = 2 * time.Second
)

// previewBody is the page that says what an order would do.
type previewBody struct {
	What          string
	Go, Refused   []planned
	More          int // of the group, beyond the bound of an order
	Gone          int // chosen, and not there any more
	Secret, Query string
	Problem       string
	By, Reason    string
}

// planned is a message and what is to become of it.
type planned struct {
	parked.Preview
	Handle string
}

// choice is which messages are meant: single ones, a group, or those that a
// service has parked of a flow.
type choice struct {
	messages                           []string
	group, choreography, flow, service string
}

func (c *choice) takes(m *parked.Message) bool {
	switch {
	case len(c.messages) > 0:
		return slices.Contains(c.messages, handle(m))
	case c.flow != "":
		return m.FlowID == c.flow && m.FlowName == c.choreography && (m.Service == c.service || m.Kind == parked.Unrouted)
	default:
		return handleOf(m.Fingerprint()) == c.group
	}
}

func (x *Explorer) previewPage(r *http.Request) (*view, error) {
	q := r.URL.Query()
	c := &choice{messages: q["m"], group: q.Get("g"), choreography: q.Get("choreography"), flow: q.Get("flow"), service: q.Get("service")}
	return x.preview(r.Context(), q.Get("what"), c, "", "", "")
}

// preview shows what an order would do.
func (x *Explorer) preview(ctx context.Context, what string, c *choice, problem, by, reason string) (*view, error) {
	if x.counter == nil || what != redrive && what != discard {
		return &view{Go: "/parked"}, nil
	}
	l, _, err := x.counter.waiting(ctx)
	if l == nil {
		return unseen(err), nil
	}
	var messages []parked.Message
	b := &previewBody{What: what, Secret: x.counter.secret, Problem: problem, By: by, Reason: reason}
	for i := range l.Messages {
		m := &l.Messages[i]
		if !c.takes(m) {
			continue
		}
		if len(messages) == maxOrdered {
			b.More++
			continue
		}
		messages = append(messages, *m)
	}
	b.Gone = max(len(c.messages)-len(messages)-b.More, 0)
	if len(messages) == 0 {
		return problemAt(http.StatusNotFound, "These messages are not there any more", "Somebody has sent them again or discarded them, or they have been taken from their queue."), nil
	}
	previews, err := x.previews(ctx, messages)
	if err != nil {
		return nil, err
	}
	for i := range previews {
		p := planned{previews[i], handle(&messages[i])}
		if p.Refused && what == redrive {
			b.Refused = append(b.Refused, p)
		} else {
			b.Go = append(b.Go, p)
		}
	}
	title := "Send again?"
	if what == discard {
		title = "Discard?"
	}
	v := &view{Page: "preview", Nav: "parked", Title: title, Body: b}
	if problem != "" {
		v.Code = http.StatusUnprocessableEntity
	}
	return v, nil
}

// previews says of each message what sending it again would do. While the
// observer is blind, it can't say.
func (x *Explorer) previews(ctx context.Context, messages []parked.Message) ([]parked.Preview, error) {
	all, err := x.counter.desk.Preview(ctx, messages)
	if err != nil {
		return nil, err
	}
	if s := x.cfg.Observer.Status(); s.Role == observer.Active && s.Blind != observer.NotBlind {
		for i := range all {
			all[i].Refused = true
			all[i].Standing = "The observer is blind, so its flow may have gone on. When it last saw: " + all[i].Standing
		}
	}
	return all, nil
}

func unseen(err error) *view {
	text := "Looking at the queues takes longer than a page may. Try again in a moment; laban parked list has no such limit."
	if err != nil {
		text = "The queues can’t be looked at: " + err.Error()
	}
	return problemAt(http.StatusServiceUnavailable, "What waits can’t be seen at present", text)
}

// problemAt is a problem that leads back to what is parked.
func problemAt(code int, title, text string) *view {
	v := problem(code, title, text)
	v.Nav, v.OnTo, v.OnToText = "parked", "/parked", "Parked messages"
	return v
}

// act carries out what a person has ordered: nothing that was refused, unless
// that is forced.
func (x *Explorer) act(r *http.Request) (*view, error) {
	if x.counter == nil {
		return problem(http.StatusNotFound, "Nothing can be done here", "This observer only shows what was parked: it does not know the broker."), nil
	}
	if err := r.ParseForm(); err != nil {
		return problemAt(http.StatusRequestEntityTooLarge, "That was too much at a time", "Choose fewer messages."), nil //nolint:nilerr // it is told
	}
	f := r.PostForm
	if subtle.ConstantTimeCompare([]byte(f.Get("secret")), []byte(x.counter.secret)) != 1 {
		return problemAt(http.StatusForbidden, "This page is from before the observer was restarted", "Nothing was done. Begin again, and what is asked for is what holds now."), nil
	}
	what, by, reason := f.Get("what"), api.Plain(cut(f.Get("by"), maxBy)), api.Plain(cut(f.Get("reason"), maxReason))
	chosen, forced := f["m"], f["force"]
	both := slices.Concat(chosen, forced)
	offered := &choice{messages: f["offered"]}
	switch {
	case what != redrive && what != discard:
		return &view{Go: "/parked"}, nil
	case len(both) == 0:
		return x.preview(r.Context(), what, offered, "Choose at least one message.", by, reason)
	case what == discard && reason == "":
		return x.preview(r.Context(), what, offered, "Say why they are discarded, for those who read the log later.", by, reason)
	}
	l, _, err := x.counter.waiting(r.Context())
	if l == nil {
		return unseen(err), nil
	}
	var messages []parked.Message
	for i := range l.Messages {
		if slices.Contains(both, handle(&l.Messages[i])) && len(messages) < maxOrdered {
			messages = append(messages, l.Messages[i])
		}
	}
	j := &job{What: what, By: by, Reason: reason, Missing: len(both) - len(messages)}
	o := &parked.Order{Log: l.Log, Finished: l.Finished, By: by, Reason: reason}
	previews, err := x.previews(r.Context(), messages)
	if err != nil {
		return nil, err
	}
	for i := range previews {
		if what == redrive && previews[i].Refused && !slices.Contains(forced, handle(&messages[i])) {
			j.Left = append(j.Left, previews[i]) // its flow went on while somebody read
			continue
		}
		o.Messages = append(o.Messages, messages[i])
	}
	x.cfg.Log.InfoContext(r.Context(), "a person acts on parked messages", "what", what, "messages", len(o.Messages), "forced", len(forced), "by", by, "reason", reason, "peer", r.RemoteAddr)
	return &view{Go: "/parked/jobs/" + x.counter.begin(j, o)}, nil
}

// cut is what a person wrote, without what surrounds it, and not too much of it.
func cut(text string, most int) string {
	text = strings.TrimSpace(text)
	return strings.ToValidUTF8(text[:min(len(text), most)], "")
}

// jobBody is the page of an order that is carried out.
type jobBody struct {
	*job
	Running  bool
	At       int
	Report   parked.Report
	Problem  string
	Took     time.Duration
	Verb     string
	Stalled  string
	NotTried int
}

func (x *Explorer) jobPage(r *http.Request) (*view, error) {
	var j *job
	if x.counter != nil {
		j = x.counter.job(r.PathValue("id"))
	}
	if j == nil {
		return problemAt(http.StatusNotFound, "Nothing is known of this any more", "The observer remembers what was ordered until it is restarted. What was done is on the pages of the flows, and in the log."), nil
	}
	patience := time.NewTimer(jobPatience - min(time.Since(j.started), jobPatience))
	defer patience.Stop()
	select {
	case <-j.done:
	case <-patience.C:
	case <-r.Context().Done():
		return nil, context.Cause(r.Context())
	}
	b := &jobBody{job: j, Verb: "sent again"}
	if j.What == discard {
		b.Verb = "discarded"
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	select {
	case <-j.done:
	default:
		b.Running = true
	}
	b.At, b.Report, b.Took = j.at, j.report, j.took
	if j.err != nil {
		b.NotTried = j.Total - len(j.report.Done) - len(j.report.Gone)
		b.Problem = jobProblem(j.err)
	}
	return &view{Page: "job", Nav: "parked", Title: fmt.Sprintf("%d %s", len(b.Report.Done), b.Verb), Body: b, Live: b.Running}, nil
}

// jobProblem says what went wrong, and what to do about it.
func jobProblem(err error) string {
	switch {
	case errors.Is(err, context.Canceled):
		return "The observer was stopped meanwhile. What was sent is sent; begin again with the others."
	case errors.Is(err, context.DeadlineExceeded):
		return "It took too long. What was sent is sent; begin again with the others, or use laban parked."
	default:
		return err.Error()
	}
}

// acted is what a person did about a message, in words.
func acted(a *ledger.Action) string {
	text := "sent again"
	if a.Action == "discarded" {
		text = "discarded"
	}
	if a.Actor != "" {
		text += " by " + plain(a.Actor)
	}
	return text
}

// redriveOf returns where one sees what sending again the messages would do that
// a service has parked of a flow; "" where nobody can.
func (x *Explorer) redriveOf(told *api.Told, service string) string {
	if x.counter == nil {
		return ""
	}
	return "/parked/preview?" + url.Values{"what": {redrive}, "choreography": {told.Choreography}, "flow": {told.ID}, "service": {service}}.Encode()
}
