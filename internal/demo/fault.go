package demo

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/laban-io/laban/internal/nearest"
	"github.com/laban-io/laban/pkg/flow"
)

// FaultKind is something that goes wrong around a service, which itself is
// left as it is.
type FaultKind int

// The kinds of fault.
const (
	// Hang: the service's handler does not return for a while.
	Hang FaultKind = iota
	// Die: the service stops consuming, and comes back later.
	Die
	// Drop: the handler returns without having done anything.
	Drop
	// Park: the handler fails for good.
	Park
	// Fail: the handler fails, over several attempts.
	Fail
	// Slow: the service handles one message at a time, and each takes long.
	Slow

	numFaults
)

// FaultKinds returns every kind.
func FaultKinds() []FaultKind {
	all := make([]FaultKind, numFaults)
	for i := range all {
		all[i] = FaultKind(i)
	}
	return all
}

// String returns the kind as --faults takes it.
func (k FaultKind) String() string {
	return [...]string{"hang", "die", "drop", "park", "fail", "slow"}[k]
}

// Means says in a few words what happens.
func (k FaultKind) Means() string {
	return [...]string{
		"takes a message, and does not return for a while",
		"stops consuming, and comes back later",
		"takes a message, and does nothing with it",
		"fails for good: the message is parked",
		"fails, and is tried again over and over",
		"takes long for each message, so that others wait",
	}[k]
}

// Cause is what an observer that sees everything must name.
func (k FaultKind) Cause() flow.Cause {
	return [...]flow.Cause{flow.Taken, flow.NoConsumer, flow.Silent, flow.Parked, flow.Retrying, flow.Backlog}[k]
}

// spell tells whether the fault is the service's, for a while, and not a single
// message's.
func (k FaultKind) spell() bool { return k == Die || k == Slow }

// forGood tells whether an order that is hit goes no further.
func (k FaultKind) forGood() bool { return k == Drop || k == Park }

// Fault is one fault to be made: at a moment, or again and again.
type Fault struct {
	Kind FaultKind
	// Service is where; empty, of one that is made by rate, is anywhere.
	Service string
	// Rate is the part of messages that it hits; 0 of one that is made at a
	// moment.
	Rate float64
	// At is the moment, from when the first order is placed. It hits the next
	// messages, Times of them. A service that dies is away for the time For, and
	// a handler hangs for that long; 0 is a little longer than the deadline.
	At    time.Duration
	For   time.Duration
	Times int
}

// String returns the fault as [ParseFaults] reads it.
func (f Fault) String() string {
	text := f.Kind.String() + "=" + f.Service
	if f.Rate > 0 {
		if f.Service != "" {
			text += ":"
		}
		return text + strconv.FormatFloat(100*f.Rate, 'g', -1, 64) + "%"
	}
	text += "@" + f.At.String()
	if f.For > 0 {
		text += "/" + f.For.String()
	}
	if f.Times > 1 {
		text += "*" + strconv.Itoa(f.Times)
	}
	return text
}

// DefaultFaults are faults of five causes within ten seconds.
const DefaultFaults = "fail=payment@1s*2,park=payment@2s*2,drop=inventory@3s*2,hang=payment@4s*2,die=inventory@6s/3s"

// GentleFaults are a few that stay what they are, so that whoever looks at a demo
// finds an order that is stuck, and a message to send again.
const GentleFaults = "park=payment@1s*2,drop=inventory@2s,park=delivery@4s"

// UsualFaults is what --faults takes for [DefaultFaults], in one word.
const UsualFaults = "default"

// NoFaults is what --faults takes where there are to be none.
const NoFaults = "none"

// maxFaultTime bounds moments and durations.
const maxFaultTime = time.Hour

// ParseFaults reads a list such as "hang=payment@5s,die=inventory@10s/5s,drop=2%",
// or [UsualFaults].
func ParseFaults(text string) ([]Fault, error) {
	if text == UsualFaults {
		text = DefaultFaults
	}
	var all []Fault
	for entry := range strings.SplitSeq(text, ",") {
		f, err := parseFault(strings.TrimSpace(entry))
		if err != nil {
			return nil, err
		}
		all = append(all, f)
	}
	for _, slow := range all {
		for _, f := range all {
			if slow.Kind == Slow && f.Kind == Hang && (f.Service == "" || f.Service == slow.Service) {
				return nil, fmt.Errorf("%s and %s: what hangs would hold up all that a slow service has to do; choose one of them for %s", slow, f, slow.Service)
			}
		}
	}
	return all, nil
}

func parseFault(entry string) (Fault, error) {
	name, what, ok := strings.Cut(entry, "=")
	if !ok {
		return Fault{}, fmt.Errorf("%q is not of the form kind=service@moment or kind=percent, such as hang=payment@5s or drop=2%%", entry)
	}
	kind, err := parseFaultKind(name)
	if err != nil {
		return Fault{}, err
	}
	f := Fault{Kind: kind, Times: 1}
	if percent, isRate := strings.CutSuffix(what, "%"); isRate {
		if service, rest, named := strings.Cut(percent, ":"); named {
			f.Service, percent = service, rest
		}
		rate, err := strconv.ParseFloat(percent, 64)
		if err != nil || !(rate > 0 && rate <= 100) {
			return Fault{}, fmt.Errorf("%s: %q must be more than 0 and at most 100 percent", entry, percent)
		}
		if kind.spell() {
			return Fault{}, fmt.Errorf("%s: this happens to a service at a moment, such as %s=inventory@10s/5s", entry, kind)
		}
		f.Rate = rate / 100
		return f, checkService(f, entry)
	}
	service, moment, ok := strings.Cut(what, "@")
	if !ok {
		return Fault{}, fmt.Errorf("%s: say when, such as %s=payment@5s, or how often, such as %s=2%%", entry, kind, kind)
	}
	f.Service = service
	if rest, times, given := strings.Cut(moment, "*"); given {
		moment = rest
		if f.Times, err = strconv.Atoi(times); err != nil || f.Times < 1 || f.Times > maxOrders || kind.spell() {
			return Fault{}, fmt.Errorf("%s: %q is no number of messages to hit", entry, times)
		}
	}
	if rest, long, given := strings.Cut(moment, "/"); given {
		moment = rest
		if f.For, err = time.ParseDuration(long); err != nil || f.For <= 0 || f.For > maxFaultTime || !kind.spell() && kind != Hang {
			return Fault{}, fmt.Errorf("%s: %q is no time for which it could last; only die, slow and hang have one, up to %v", entry, long, maxFaultTime)
		}
	}
	if f.At, err = time.ParseDuration(moment); err != nil || f.At < 0 || f.At > maxFaultTime {
		return Fault{}, fmt.Errorf("%s: %q is no moment, such as 5s", entry, moment)
	}
	return f, checkService(f, entry)
}

func parseFaultKind(name string) (FaultKind, error) {
	var names []string
	for _, k := range FaultKinds() {
		if k.String() == name {
			return k, nil
		}
		names = append(names, k.String())
	}
	if meant, ok := nearest.Of(name, names); ok {
		return 0, fmt.Errorf("there is no fault %q; did you mean %q?", name, meant)
	}
	return 0, fmt.Errorf("there is no fault %q; there are %s", name, strings.Join(names, ", "))
}

// acting returns the services that an order can't do without, in the order in
// which it meets them.
func acting() []string { return []string{"inventory", "payment", "delivery"} }

func checkService(f Fault, entry string) error {
	if f.Service == "" && f.Rate > 0 {
		return nil
	}
	for _, name := range acting() {
		if name == f.Service {
			return nil
		}
	}
	if meant, ok := nearest.Of(f.Service, acting()); ok {
		return fmt.Errorf("%s: there is no service %q; did you mean %q?", entry, f.Service, meant)
	}
	return fmt.Errorf("%s: faults are made at %s, not at %q", entry, strings.Join(acting(), ", "), f.Service)
}

// faultsText writes faults as ParseFaults reads them.
func faultsText(all []Fault) string {
	var texts []string
	for _, f := range all {
		texts = append(texts, f.String())
	}
	return strings.Join(texts, ",")
}
