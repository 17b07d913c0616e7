package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/laban-io/laban/internal/learn"
	"github.com/laban-io/laban/internal/nearest"
)

// learnFlags are the flags of laban learn.
type learnFlags struct {
	from      string
	config    string
	broker    brokerFlags
	flow      string
	as        string
	completed []string
	failed    []string
	side      []string
	optional  []string
	undoes    []string
	noAsk     bool
	keep      int
	output    string
}

func learnCommand(s streams) *cobra.Command {
	f := &learnFlags{}
	cmd := &cobra.Command{
		Use:   "learn",
		Short: "Draft a contract from the log of a system that nobody described",
		Long: `Read a log and write down the choreography that is in it: who reacts to what with
which answers and within what time, joins, compensations, side effects, and how
flows end. The draft goes to standard output, with comments that say for each
reaction how often it was seen.

Who caused what is taken from causation ids. Where events have none, it is
inferred from what comes before what and how often, and marked so.

Some things no log can tell: which ends are good ones, what no flow waits for,
whether an answer that was missing may be. In a terminal you are asked; flags
answer beforehand; what is left open is marked ASK in the draft.

The log is that of Laban's own bus (--amqp), where nothing is published and
nothing declared, or that of an observer (--config), which taps the exchanges of
services that know nothing of Laban: let laban observe run without a contract
for a while, then learn one from what it recorded. With --from, it is a file with a JSON object in each line, in the JSON form
of CloudEvents. Only type, and one of flowid, subject and key, are needed:

  {"type":"payment.confirmed", "source":"payment",  the event, and who emits it
   "subject":"1042",                      what its flow is about; or "key"
   "flowname":"order", "flowid":"01J…",   the flow, where it has an id of its own
   "id":"e2", "causationid":"e1",         the event, and the one that caused it
   "time":"2026-01-02T15:04:05.678Z",     when it was made; or ms since 1970
   "triggertime":"…",                     when its cause was received
   "logtime":"…"}                         when the log had it

A line that is no event is counted and left out. Of a log with more events than
--keep, whole flows are left out, evenly: one in two is learned from, or one in
four, and so on, which is said. A million events take some 200 MB of memory.

The exit status is 1 where nothing could be learned, and 2 where the command line
can't be understood.`,
		Example: `  laban learn --amqp amqp://localhost/ > order.choreography.yaml
  laban learn --config observer.yaml > shop.yaml
  laban learn --from events.jsonl
  zcat events.jsonl.gz | laban learn --from - -o json
  laban learn --from events.jsonl --completed order.shipped \
    --failed stock.rejected,payment.rejected --side notification.sent`,
		Args: noArguments,
	}
	flags := cmd.Flags()
	flags.StringVar(&f.from, "from", "", "read events from this `file`, one in a line; - is standard input")
	f.broker.add(flags)
	flags.StringVarP(&f.config, "config", "c", "", "read the log of the observer that is configured by this `file`, with its taps and mappings")
	flags.StringVar(&f.flow, "flow", "", "learn the choreography of this `name`, where the log has several; the one with most events otherwise")
	flags.StringVar(&f.as, "as", "", "call the choreography this `name`")
	flags.StringSliceVar(&f.completed, "completed", nil, "the `events` by which a flow ends well")
	flags.StringSliceVar(&f.failed, "failed", nil, "the `events` by which a flow fails")
	flags.StringSliceVar(&f.side, "side", nil, "`events` that are side effects, which no flow waits for; \"\" for none")
	flags.StringSliceVar(&f.optional, "optional", nil, "`events` that may be left out; \"\" for none")
	flags.StringSliceVar(&f.undoes, "undoes", nil, "what an event takes back, as `event=event`; event= for nothing")
	flags.BoolVar(&f.noAsk, "no-ask", false, "don't ask, also in a terminal")
	flags.IntVar(&f.keep, "keep", learn.DefaultKept, "keep so many `events` in memory; of more, whole flows are left out, evenly")
	flags.StringVarP(&f.output, "output", "o", "yaml", "yaml or json, which has all that was found")
	flags.SortFlags = false
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return f.run(cmd, s) }
	return cmd
}

func (f *learnFlags) run(cmd *cobra.Command, s streams) error {
	answers, err := f.answers(cmd)
	switch {
	case err != nil:
		return usageError(cmd, err)
	case f.output != "yaml" && f.output != "json":
		return usageError(cmd, fmt.Errorf("--output is %q; it can be yaml or json", f.output))
	case f.keep < learn.LeastKept:
		return usageError(cmd, fmt.Errorf("--keep is %d; it must be at least %d", f.keep, learn.LeastKept))
	case truths(f.from != "", f.config != "", cmd.Flags().Changed("amqp")) > 1:
		return usageError(cmd, errors.New("--from, --amqp and --config each name a log: give one of them"))
	case f.from == "" && f.config == "" && f.broker.url == "":
		return usageError(cmd, errors.New("say which log to learn from: --amqp URL, --config FILE or --from FILE"))
	}
	answers.Progress = working(cmd.Context(), s.err)
	log, err := f.read(cmd.Context(), s)
	if err != nil {
		return err
	}
	draft, err := log.Draft(answers)
	if err != nil {
		return f.explain(cmd, err)
	}
	if people := f.people(s); people != nil {
		if draft, err = people.improve(log, draft, answers); err != nil {
			return err
		}
	}
	return f.print(s, draft)
}

func truths(all ...bool) (n int) {
	for _, b := range all {
		if b {
			n++
		}
	}
	return n
}

// answers returns what the flags answer.
func (f *learnFlags) answers(cmd *cobra.Command) (learn.Answers, error) {
	a := learn.Answers{Name: f.flow, As: f.as}
	given := func(name string, list []string) []string {
		if cmd.Flags().Changed(name) {
			return append([]string{}, list...)
		}
		return nil
	}
	a.Completed, a.Failed = given("completed", f.completed), given("failed", f.failed)
	a.Side, a.Optional = given("side", f.side), given("optional", f.optional)
	for _, pair := range f.undoes {
		event, undone, ok := strings.Cut(pair, "=")
		if !ok || event == "" {
			return a, fmt.Errorf("--undoes is %q; write it like refund.processed=payment.confirmed", pair)
		}
		if a.Undoes == nil {
			a.Undoes = map[string]string{}
		}
		a.Undoes[event] = undone
	}
	return a, nil
}

// explain says what might be meant instead of an event that is not in the log.
func (*learnFlags) explain(cmd *cobra.Command, err error) error {
	var unknown *learn.UnknownEventError
	if !errors.As(err, &unknown) {
		return err
	}
	if meant, ok := nearest.Of(unknown.Event, unknown.Known); ok {
		return usageError(cmd, fmt.Errorf("%w; did you mean %q?", err, meant))
	}
	return usageError(cmd, fmt.Errorf("%w; there are %s", err, strings.Join(unknown.Known, ", ")))
}

// print writes the draft, and beside it what remains to be done.
func (f *learnFlags) print(s streams, d *learn.Draft) error {
	if f.output == "json" {
		encoder := json.NewEncoder(s.out)
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("", "  ")
		return encoder.Encode(struct {
			learn.Findings
			Contract string `json:"contract"`
		}{d.Findings, string(d.YAML)})
	}
	if _, err := s.out.Write(d.YAML); err != nil {
		return fmt.Errorf("write the draft: %w", err)
	}
	fmt.Fprintf(s.err, "learned %s from %s\n", counted(len(d.Reactions), "reaction"), counted(d.Learned, "flow"))
	if d.OneIn > 0 {
		fmt.Fprintf(s.err, "which is one flow in %d, evenly chosen, since there are so many; --keep with more than %d takes more of them, and more memory\n", d.OneIn, f.keep)
	}
	if n := len(d.Questions); n > 0 {
		fmt.Fprintf(s.err, "%s open: look for ASK in the draft, then run laban check on it\n", counted(n, "question"))
	}
	if len(d.Others) > 0 {
		fmt.Fprintf(s.err, "the log has other choreographies, too: %s; learn one with --flow\n", strings.Join(d.Others, ", "))
	}
	return nil
}
