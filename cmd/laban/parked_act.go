package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/laban-io/laban/internal/observer/api"
	"github.com/laban-io/laban/internal/parked"
)

// actFlags are the flags of commands that change something.
type actFlags struct {
	parkedFlags
	limit              int
	rate               float64
	reason, by         string
	force, yes, dryRun bool
}

// defaultLimit is how many messages are dealt with at a time.
const defaultLimit = 100

func (f *actFlags) register(cmd *cobra.Command) {
	f.add(cmd)
	flags := cmd.Flags()
	flags.IntVarP(&f.limit, "limit", "n", defaultLimit, "deal with so many messages at most, those that were set aside first")
	flags.StringVar(&f.by, "by", "", "who says so, for the record (default: you, at this host)")
	flags.BoolVarP(&f.yes, "yes", "y", false, "don't ask for confirmation")
	flags.BoolVar(&f.dryRun, "dry-run", false, "say what would be done, and do nothing")
	flags.SortFlags = false
}

func parkedRedriveCommand(s streams) *cobra.Command {
	f := &actFlags{}
	cmd := &cobra.Command{
		Use:   "redrive",
		Short: "Send messages again, after a look at how far their flows are",
		Long: `Send messages again, after what made them fail was mended.

First each message's flow is looked at. Where it still waits for the message,
that is sent. Where it has moved on without it, is being compensated, is
inconsistent or has ended, the message is refused, since its service would do
something that nobody waits for; --force sends it all the same. Without an
observer nobody knows, and all are refused.

A message goes to the queue of its own service, however many others asked for
the event; an unrouted event is published again, to whoever asks for it by now.
It keeps its id and all that it came with, and begins again at its first
attempt. It is processed in a new trace, which is linked with the old one. Who
redrove it, and why, is in the log, and in the journey of its flow.

No message is lost, however this ends. A message leaves its queue only after the
broker has confirmed its copy, and the log has that copy, too: a run that was
cut off can be repeated, and sends nothing twice that the log has. Only where
the connection breaks while a message is on its way can it arrive twice, which
the services' inboxes know by its id.

` + aboutParked,
		Example: `  laban parked redrive --service payment --reason "the gateway is back"
  laban parked redrive --service payment --error timeout --limit 10 --rate 1
  laban parked redrive --id 1042 --force           # of this order, whatever its state
  laban parked redrive --service payment --dry-run # what would be sent
  laban parked redrive --kind unrouted --type order.placed --since 2h --yes`,
		Args: noArguments,
	}
	cmd.Flags().Float64Var(&f.rate, "rate", parked.DefaultRate, "send so many messages in a second, at most")
	cmd.Flags().StringVar(&f.reason, "reason", "", "why, for those who read the log later")
	f.register(cmd)
	cmd.Flags().BoolVar(&f.force, "force", false, "send also those that are refused")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return f.run(cmd, s, act{
			do: "send", did: "sent", verb: "redrive",
			run: (*parked.Desk).Redrive, refuses: true,
		})
	}
	return cmd
}

func parkedDiscardCommand(s streams) *cobra.Command {
	f := &actFlags{}
	cmd := &cobra.Command{
		Use:   "discard",
		Short: "Remove messages for good, with a reason",
		Long: `Remove messages for good, because nothing is to come of them any more. The
reason, and who gave it, is written into the log first, and is in the journey of
the message's flow. The log itself keeps its copy for as long as it keeps
anything.

Unrouted events stay in their stream, and are not listed any more.

` + aboutParked,
		Example: `  laban parked discard --id 01JH2T8Q7P9V0XKZ4M6N8R3S5T --reason "a test order"
  laban parked discard --service delivery --type order.placed --reason "refunded by hand, ticket 4711"`,
		Args: noArguments,
	}
	cmd.Flags().StringVar(&f.reason, "reason", "", "why, for those who read the log later (needed)")
	f.register(cmd)
	f.rate = 1000 // nobody has to keep up with it
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if strings.TrimSpace(f.reason) == "" {
			return usageError(cmd, errors.New(`say why nothing is to come of them, for those who read the log later: --reason "…"`))
		}
		return f.run(cmd, s, act{do: "discard", did: "discarded", verb: "discard", run: (*parked.Desk).Discard})
	}
	return cmd
}

// act is what is done to messages.
type act struct {
	do, did, verb string
	run           func(*parked.Desk, context.Context, parked.Order) (parked.Report, error)
	// refuses tells that the flow has a say.
	refuses bool
}

func (f *actFlags) run(cmd *cobra.Command, s streams, a act) error {
	switch {
	case f.limit < 1:
		return usageError(cmd, fmt.Errorf("--limit is %d; it has to be 1 at least", f.limit))
	case f.rate <= 0:
		return usageError(cmd, fmt.Errorf("--rate is %g; it has to be more than 0", f.rate))
	case len(f.services)+len(f.types)+len(f.ids) == 0 && f.err == "":
		return usageError(cmd, fmt.Errorf("say which messages to %s: by --service, --type, --id or --error", a.verb))
	}
	_, person := terminal(s.out)
	if !person && !f.yes && !f.dryRun {
		return usageError(cmd, errors.New("nobody can be asked here: give --yes to go ahead, or --dry-run to see what would be done"))
	}
	ctx := cmd.Context()
	b, err := f.open(cmd, s)
	if err != nil {
		return err
	}
	defer b.close()
	l, err := b.desk.List(ctx, b.filter, b.tell)
	b.clear()
	if err != nil {
		return err
	}
	chosen := l.Messages[:min(len(l.Messages), f.limit)]
	previews, err := b.desk.Preview(ctx, chosen)
	if err != nil {
		return err
	}
	v := f.review(a, previews, len(l.Messages))
	if err := v.print(s, b, f.ask.json()); err != nil {
		return err
	}
	for _, n := range l.Notes {
		fmt.Fprintln(s.err, "note: "+api.Plain(n))
	}
	order := parked.Order{Messages: v.meant, Log: l.Log, Finished: l.Finished, By: f.by, Reason: f.reason, Rate: f.rate}
	if order.By == "" {
		order.By = whoamiHere()
	}
	var report parked.Report
	agreed := len(v.meant) > 0 && !f.dryRun
	if agreed && !f.yes {
		agreed = confirmed(s, fmt.Sprintf("%s %s? [y/N] ", capital(a.do), counted(len(v.meant), "message")))
	}
	if agreed || len(v.meant) == 0 && !f.dryRun && len(l.Finished) > 0 {
		p := &steps{out: s.err}
		_, p.live = terminal(s.err)
		order.Told = p.show
		// The first ctrl-C ends it between two messages.
		stoppable, release := untilStopped(ctx)
		report, err = a.run(b.desk, stoppable, order)
		release()
		p.clear()
	}
	return f.conclude(s, a, v, &report, err, agreed)
}

// conclude says what was done.
func (f *actFlags) conclude(s streams, a act, v *review, report *parked.Report, err error, went bool) error {
	switch {
	case f.ask.json():
		out := struct {
			Previews []parked.Preview `json:"previews"`
			Done     []parked.Message `json:"done"`
			Gone     []parked.Message `json:"gone"`
			Finished int              `json:"finished"`
		}{v.all, report.Done, report.Gone, report.Finished}
		if printErr := printJSON(s.out, out); printErr != nil {
			return errors.Join(err, printErr)
		}
	case went || report.Finished > 0:
		if went {
			fmt.Fprintf(s.out, "%s %s\n", a.did, counted(len(report.Done), "message"))
		}
		if n := report.Finished; n > 0 {
			fmt.Fprintf(s.out, "removed %s that an earlier run had dealt with, which was cut off\n", counted(n, "message"))
		}
		if n := len(report.Gone); n > 0 {
			fmt.Fprintf(s.out, "%s gone meanwhile: somebody else was faster\n", are(n))
		}
	case len(v.meant) > 0 && !f.dryRun:
		fmt.Fprintln(s.out, "nothing was done")
	}
	switch {
	case errors.Is(err, context.Canceled):
		return &statusError{130, fmt.Errorf("stopped after %s; what is left waits where it was", counted(len(report.Done), "message"))}
	case err != nil:
		return fmt.Errorf("%w\nwhat was not %s waits where it was; run the same command again", err, a.did)
	case a.refuses && len(v.refused) > 0 && len(v.meant) == 0:
		return &statusError{status: 1} // it has been said
	}
	return nil
}

func are(n int) string {
	if n == 1 {
		return "1 message is"
	}
	return fmt.Sprintf("%d messages are", n)
}

// review is what will be done, and what will not.
type review struct {
	f       *actFlags
	a       act
	all     []parked.Preview
	meant   []parked.Message
	refused []parked.Preview
	willing []parked.Preview
	waiting int
}

func (f *actFlags) review(a act, previews []parked.Preview, waiting int) *review {
	v := &review{f: f, a: a, all: previews, waiting: waiting}
	for _, p := range previews {
		if a.refuses && p.Refused && !f.force {
			v.refused = append(v.refused, p)
			continue
		}
		v.willing = append(v.willing, p)
		v.meant = append(v.meant, p.Message)
	}
	return v
}

// maxPreviews is how many messages of one sort are shown one by one.
const maxPreviews = 20

// print says what will be done.
func (v *review) print(s streams, b *bench, asJSON bool) error {
	if err := b.flows.err; err != nil && v.a.refuses {
		fmt.Fprintf(s.err, "note: %v\n", err)
	}
	if b.flows.blind != "" {
		fmt.Fprintf(s.err, "note: the observer is blind (%s): flows may have gone further than it knows\n", b.flows.blind)
	}
	if asJSON {
		return nil
	}
	p := paperOf(s.out)
	var out strings.Builder
	if len(v.all) == 0 {
		out.WriteString("no such message waits\n")
	}
	if n := len(v.willing); n > 0 {
		at := ""
		if v.a.refuses {
			at = fmt.Sprintf(", at most %g in a second", v.f.rate)
		}
		fmt.Fprintf(&out, "%s to %s%s:\n\n", counted(n, "message"), v.a.do, at)
		v.list(&out, v.willing, p)
	}
	if n := len(v.refused); n > 0 {
		fmt.Fprintf(&out, "%s refused (--force sends %s all the same):\n\n", branch(n == 1, "1 message is", fmt.Sprintf("%d messages are", n)), branch(n == 1, "it", "them"))
		v.list(&out, v.refused, p)
	}
	if more := v.waiting - len(v.all); more > 0 {
		fmt.Fprintf(&out, "%s more wait; --limit says how many are dealt with at a time\n\n", counted(more, "message"))
	}
	_, err := io.WriteString(s.out, out.String())
	return err
}

// list prints previews by what would be done, each with its flow's standing.
func (*review) list(out *strings.Builder, previews []parked.Preview, p paper) {
	width := max(min(cmp.Or(p.width, narrow), wide), 40)
	groups := map[string][]*parked.Preview{}
	var order []string
	for i := range previews {
		effect := previews[i].Effect
		if groups[effect] == nil {
			order = append(order, effect)
		}
		groups[effect] = append(groups[effect], &previews[i])
	}
	for _, effect := range order {
		for _, line := range wrap(api.Plain(effect), width-2) {
			fmt.Fprintf(out, "  %s\n", line)
		}
		for i, v := range groups[effect] {
			if i == maxPreviews {
				fmt.Fprintf(out, "    … and %d more\n", len(groups[effect])-i)
				break
			}
			for n, line := range wrap(api.Plain(v.Message.ID+"  "+v.Standing), width-6) {
				fmt.Fprintf(out, "%s%s\n", branch(n == 0, "    ", "      "), line)
			}
		}
		out.WriteByte('\n')
	}
}

// confirmed asks.
func confirmed(s streams, question string) bool {
	fmt.Fprint(s.out, question)
	answer, err := bufio.NewReader(s.in).ReadString('\n')
	if err != nil && answer == "" {
		fmt.Fprintln(s.out)
		return false
	}
	answer = strings.ToLower(strings.TrimSpace(answer))
	return answer == "y" || answer == "yes"
}

func capital(text string) string { return strings.ToUpper(text[:1]) + text[1:] }

// whoamiHere is the user and the host, for the record.
func whoamiHere() string {
	name := whoami()
	if host, err := os.Hostname(); err == nil && host != "" {
		name += "@" + host
	}
	return name
}
