package flow

import "fmt"

// diagnose says why the obligation at i has not been met, from the most to the
// least exact evidence there is.
func (t *Tracker) diagnose(f *instance, i int, deadline int64) Finding {
	o := &f.obligations[i]
	r := &f.program.rules[o.rule]
	name := f.program.serviceNames[r.service]
	if found, ok := f.notedCause(i, name); ok {
		return found
	}
	s := t.services.byName[name]
	if s == nil || !s.seen && len(s.instances) == 0 {
		return Finding{Cause: CauseUnknown, Certainty: Guess, Evidence: "nothing is known of the queue of " + name}
	}
	if found, ok := f.notBound(i, s); ok {
		return found
	}
	if !s.seen {
		return Finding{Cause: CauseUnknown, Certainty: Guess, Evidence: "the queue of " + name + " has not been looked at"}
	}
	return s.queueCause(deadline)
}

// concerns tells whether the event at index e is one that the obligation at i
// waits on.
func (f *instance) concerns(i, e int) bool {
	o := &f.obligations[i]
	return int(o.trigger) == e || f.program.rules[o.rule].shares(f.events[e].typ)
}

// notedCause reads the cause from what the log says of the messages themselves.
func (f *instance) notedCause(i int, service string) (Finding, bool) {
	if f.rare == nil {
		return Finding{}, false
	}
	best := -1
	for n := range f.rare.notes {
		noted := &f.rare.notes[n]
		if noted.service != service && noted.service != "" {
			continue
		}
		e := f.indexOfID(noted.event)
		if e < 0 || !f.concerns(i, e) {
			continue
		}
		// Of several messages, one that will not come by itself says more than
		// one that is tried again; otherwise the newest counts.
		if best < 0 || noted.cause != Retrying || f.rare.notes[best].cause == Retrying {
			best = n
		}
	}
	if best < 0 {
		return Finding{}, false
	}
	n := &f.rare.notes[best]
	what := f.program.typeName(f.events[f.indexOfID(n.event)].typ)
	found := Finding{Cause: n.cause, Certainty: Certain}
	switch n.cause {
	case Unrouted:
		found.Evidence = "no queue took " + what
	case Lost:
		found.Evidence = "a copy of " + what + " for " + service + " found no queue; it is in the queue of lost messages"
	case Parked:
		found.Evidence = fmt.Sprintf("%s gave up on %s after %s: %s", service, what, attempts(n.attempt), n.error)
	case Retrying:
		of := ""
		if n.of > 0 {
			of = fmt.Sprintf(" of %d", n.of)
		}
		found.Evidence = fmt.Sprintf("%s waits for attempt %d%s at %s after: %s", service, n.attempt, of, what, n.error)
	default:
	}
	return found, true
}

func attempts(n int) string {
	if n == 1 {
		return "1 attempt"
	}
	return fmt.Sprintf("%d attempts", n)
}

// notBound tells whether the service does not ask for what it should react to.
func (f *instance) notBound(i int, s *serviceSeen) (Finding, bool) {
	o := &f.obligations[i]
	for e := range f.events {
		if !f.concerns(i, e) {
			continue
		}
		if f.program.rules[o.rule].undo() && int(o.trigger) == e {
			continue // what is undone need not be listened to
		}
		eventType := f.program.typeName(f.events[e].typ)
		if found, ok := s.unbound(eventType); ok {
			return found, true
		}
	}
	return Finding{}, false
}

// queueCause reads the cause from what was last seen of the service's queue,
// for an obligation with this deadline.
func (s *serviceSeen) queueCause(deadline int64) Finding {
	q := &s.queue
	switch {
	case q.Hidden:
		return Finding{Cause: CauseUnknown, Certainty: Guess, Evidence: fmt.Sprintf("the queue %s can't be looked at without the broker's management API: it is one connection's own, or not this user's", q.Queue)}
	case q.Missing && q.Assumed:
		return Finding{Cause: CauseUnknown, Certainty: Guess, Evidence: fmt.Sprintf("nothing says which queue is that of %s, and none is called so; name it in the observer's configuration, under queues", s.name)}
	case q.Missing:
		return Finding{Cause: NotBound, Certainty: Certain, Evidence: "there is no queue " + q.Queue}
	case q.Consumers == 0 && q.Ready == 0:
		return Finding{Cause: NoConsumer, Certainty: Likely, Evidence: fmt.Sprintf("nobody consumes the queue %s, in which nothing waits: the message was taken before, or never came to it", q.Queue)}
	case q.Consumers == 0:
		return Finding{Cause: NoConsumer, Certainty: Certain, Evidence: fmt.Sprintf("nobody consumes the queue %s; %s", q.Queue, waiting(q.Ready))}
	case q.Ready > 0:
		return Finding{Cause: Backlog, Certainty: Likely, Evidence: fmt.Sprintf("%s in the queue %s, which has %s", waiting(q.Ready), q.Queue, consumers(q.Consumers))}
	default:
		return s.handedOut(deadline)
	}
}

// handedOut reads the cause where the queue is empty and consumed.
func (s *serviceSeen) handedOut(deadline int64) Finding {
	q := &s.queue
	came := "so the message was delivered"
	if !s.asksKnown() {
		came = "so the message was delivered or never came to it"
	}
	switch {
	case q.Unacked < 0:
		return Finding{
			Cause: Taken, Certainty: Guess,
			Evidence: fmt.Sprintf("the queue %s is empty, %s; whether it was settled is not known without the broker's management API", q.Queue, came),
		}
	case !q.Counted.IsZero() && nanos(q.Counted) < deadline:
		// It may have been counted before the message came, or was settled.
		if s.doubtful == 0 || deadline < s.doubtful {
			s.doubtful = deadline
		}
		return Finding{
			Cause: Taken, Certainty: Guess,
			Evidence: fmt.Sprintf("the queue %s is empty, %s; what is not settled has not been counted since the deadline", q.Queue, came),
		}
	case q.Unacked > 0:
		return Finding{Cause: Taken, Certainty: Likely, Evidence: fmt.Sprintf("%s has %s in hand that it has not settled", s.name, messages(q.Unacked))}
	case !s.asksKnown():
		return Finding{
			Cause: Silent, Certainty: Guess,
			Evidence: fmt.Sprintf("the queue %s is empty, all that was delivered is settled, and no answer came; or the message never came to it, since how it is bound is not known", q.Queue),
		}
	default:
		return Finding{Cause: Silent, Certainty: Likely, Evidence: fmt.Sprintf("the queue %s is empty, all that was delivered is settled, and no answer came", q.Queue)}
	}
}

func waiting(n int64) string {
	if n == 1 {
		return "1 message waits"
	}
	return fmt.Sprintf("%d messages wait", n)
}

func messages(n int64) string {
	if n == 1 {
		return "1 message"
	}
	return fmt.Sprintf("%d messages", n)
}

func consumers(n int64) string {
	if n == 1 {
		return "1 consumer"
	}
	return fmt.Sprintf("%d consumers", n)
}
