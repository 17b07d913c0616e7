package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/laban-io/laban/internal/observer/api"
	"github.com/laban-io/laban/internal/observer/client"
)

// watched are the kinds of change that are of interest to everybody.
func watched() []string {
	return []string{"started", "changed", "overdue", "reasoned", "recovered", "lifted", "ended", "reopened", "deviated", "closed"}
}

func flowsWatchCommand(s streams) *cobra.Command {
	f, filter, kinds, all := &askFlags{}, client.Filter{}, watched(), false
	cmd := &cobra.Command{
		Use:   "watch",
		Short: "Print the changes of flows as they happen",
		Long: `Print the changes of flows as they happen, a line each, until ctrl-C. When the
observer goes away, it waits for it to come back, and says so: what happened
meanwhile is not printed, but flows list knows it.

` + aboutObserver,
		Example: `  laban flows watch
  laban flows watch --kind overdue,recovered       # what stops, and what goes on
  laban flows watch --key 1042 --all               # all that happens to one order
  laban flows watch -o json                        # a JSON object a line`,
		Args: noArguments,
	}
	flags := cmd.Flags()
	flags.StringVar(&filter.Choreography, "choreography", "", "only flows of this choreography")
	flags.StringVar(&filter.Key, "key", "", "only flows with this key")
	flags.StringSliceVar(&kinds, "kind", kinds, "only these kinds of change")
	flags.BoolVar(&all, "all", false, "all kinds of change, also each answer that comes in time")
	f.add(flags)
	flags.SortFlags = false
	f.complete(cmd)
	_ = cmd.RegisterFlagCompletionFunc("kind", cobra.FixedCompletions(append(watched(), "paid", "forgotten"), cobra.ShellCompDirectiveNoFileComp)) // the flag is there
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := f.client(cmd)
		if err != nil {
			return err
		}
		defer c.Close()
		if all {
			kinds = nil
		}
		ctx, release := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
		defer release()
		w := &watcher{client: c, filter: filter, kinds: kinds, out: s.out, err: s.err, asJSON: f.json(), paper: paperOf(s.out)}
		return explainUsage(cmd, w.run(ctx))
	}
	return cmd
}

// watcher prints changes, and connects again when the observer went away.
type watcher struct {
	client   *client.Client
	filter   client.Filter
	kinds    []string
	out, err io.Writer
	asJSON   bool
	paper    paper
	started  uint64 // the record that began the last flow
}

// Waits between two tries to connect.
const (
	firstWait = 500 * time.Millisecond
	longWait  = 10 * time.Second
)

func (w *watcher) run(ctx context.Context) error {
	connected, wait := false, firstWait
	for {
		err := w.client.Follow(ctx, w.filter, w.kinds, func() {
			if connected {
				fmt.Fprintln(w.err, "laban: the observer is back; what happened meanwhile is not printed")
			}
			connected, wait = true, firstWait
		}, w.print)
		var refusal *client.Refusal
		var broken *printError
		switch {
		case ctx.Err() != nil:
			return nil //nolint:nilerr // ctrl-C is how one ends it
		case errors.As(err, &broken):
			return broken.err
		case !connected, errors.As(err, &refusal) && refusal.Status/100 == 4:
			return err
		}
		if wait == firstWait {
			fmt.Fprintf(w.err, "laban: %v; connecting again\n", err)
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return nil
		}
		wait = min(2*wait, longWait)
	}
}

// printError is that nobody reads what is printed.
type printError struct{ err error }

// Error returns the text of the error inside.
func (e *printError) Error() string { return e.err.Error() }

func (w *watcher) print(t api.Transition) error {
	var err error
	switch {
	case w.asJSON:
		err = json.NewEncoder(w.out).Encode(t)
	case t.Kind == "changed" && t.From == "unknown" && t.To == "running" && t.Offset == w.started:
		// That it started has just been said.
	default:
		_, err = io.WriteString(w.out, w.line(&t))
	}
	if t.Kind == "started" {
		w.started = t.Offset
	}
	if err != nil {
		return &printError{err}
	}
	return nil
}

// line says what changed.
func (w *watcher) line(t *api.Transition) string {
	key := t.Key
	if key == "" {
		key = t.FlowID
	}
	text, colour := t.Kind, ""
	owes := t.Service + " owes " + strings.Join(t.For, " | ")
	switch t.Kind {
	case "changed":
		text, colour = t.From+" → "+t.To, statusColour(t.To)
	case "overdue":
		text, colour = "overdue: "+owes+cause(t.Cause), red
	case "reasoned":
		text = "still overdue: " + owes + cause(t.Cause)
	case "recovered":
		text, colour = "recovered: "+t.Service+" has answered "+t.On, green
	case "lifted":
		text = "no longer owed: " + t.Service + ", " + strings.Join(t.For, " | ")
	case "paid":
		text = "answered: " + t.Service + " on " + t.On
		if t.DurationMS != nil {
			text += " after " + spell(*t.DurationMS)
		}
	case "ended":
		text, colour = "ended: "+t.Outcome, statusColour(t.Outcome)
		if t.DurationMS != nil {
			text += " after " + spell(*t.DurationMS)
		}
	case "deviated":
		text, colour = "! "+t.Deviation+": "+t.Detail, yellow
	case "closed":
		text = "closed: " + t.Detail
	}
	return fmt.Sprintf("%s  %s %s  %s\n", w.paper.paint(dim, w.clock(t.At)), api.Plain(t.Choreography), api.Plain(key), w.paper.paint(colour, api.Plain(text)))
}

func (w *watcher) clock(at time.Time) string { return at.In(w.paper.location).Format(time.TimeOnly) }

func cause(c *api.Cause) string {
	if c == nil {
		return ""
	}
	return ", " + c.Kind + " (" + c.Certainty + "): " + c.Evidence
}
