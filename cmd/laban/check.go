package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/laban-io/laban/pkg/choreography"
)

// checkFlags are the flags of laban check.
type checkFlags struct {
	output string
	strict bool
	schema bool
	live   bool
	broker brokerFlags
}

func checkCommand(s streams) *cobra.Command {
	f := &checkFlags{}
	cmd := &cobra.Command{
		Use:   "check [FILE…]",
		Short: "Find what is wrong with a choreography, before it runs",
		Long: `Read contracts and say what in them can't be meant: events that nobody emits or
nobody reacts to, flows that end nowhere or never, steps that a failed flow
would leave undone, missing deadlines. Each finding has a place, a code and a
hint. Several files are checked as choreographies that run beside each other;
"-" is standard input.

With --live, compare them with what running services announced in the log: a
wrong subscription or a misspelt event is found before a flow stops at it.
Without a file, the services are compared with each other. Nothing is published
and nothing declared.

The exit status is 1 where there is an error (with --strict, or a warning), and
2 where the command line can't be understood.`,
		Example: `  laban check order.choreography.yaml
  laban check --strict -o json *.choreography.yaml
  laban learn --from events.jsonl | laban check -
  laban check --live --amqp amqp://localhost/ order.choreography.yaml
  laban check --live --amqp amqp://localhost/       # no contract needed
  laban check --schema > choreography.schema.json   # for editors`,
		Args: cobra.ArbitraryArgs,
	}
	flags := cmd.Flags()
	flags.StringVarP(&f.output, "output", "o", "text", "text or json")
	flags.BoolVar(&f.strict, "strict", false, "let warnings fail, too")
	flags.BoolVar(&f.live, "live", false, "compare with what running services announced; needs --amqp")
	f.broker.add(flags)
	flags.BoolVar(&f.schema, "schema", false, "print the JSON Schema of contracts, and check nothing")
	flags.SortFlags = false
	cmd.RunE = func(cmd *cobra.Command, files []string) error { return f.run(cmd, s, files) }
	return cmd
}

func (f *checkFlags) run(cmd *cobra.Command, s streams, files []string) error {
	switch {
	case f.output != "text" && f.output != "json":
		return usageError(cmd, fmt.Errorf("--output is %q; it can be text or json", f.output))
	case f.schema && (f.live || len(files) > 0):
		return usageError(cmd, errors.New("--schema prints the schema and checks nothing: give it alone"))
	case f.schema:
		_, err := s.out.Write(choreography.Schema())
		return err
	case !f.live && len(files) == 0:
		return usageError(cmd, errors.New("name the files to check, or --live and a broker"))
	case f.live && f.broker.url == "":
		return usageError(cmd, errors.New("--live reads the log of a broker: say which with --amqp URL or AMQP_URL"))
	}
	contracts, problems, err := readContracts(files, s.in)
	if err != nil {
		return err
	}
	problems = append(problems, choreography.Check(contracts...)...)
	services := 0
	if f.live {
		announced, err := f.broker.announcements(cmd.Context(), s.err)
		if err != nil {
			return err
		}
		running, stopped := choreography.Running(announced)
		services = len(running)
		leftOut(s.err, stopped)
		problems = append(problems, choreography.CheckLive(contracts, announced)...)
	}
	if f.output == "json" {
		err = writeProblems(s, problems)
	} else {
		f.tell(s, problems, len(files), services)
	}
	if err == nil && (choreography.HasErrors(problems) || f.strict && len(problems) > 0) {
		return &statusError{status: 1} // it has been said
	}
	return err
}

// readContracts reads all files, of which "-" is in, and returns what is wrong
// with those that are no contracts.
func readContracts(files []string, in io.Reader) (contracts []*choreography.Choreography, problems []choreography.Problem, err error) {
	for _, name := range files {
		c, err := readContract(name, in)
		var errs choreography.Errors
		switch {
		case errors.As(err, &errs):
			problems = append(problems, errs...)
		case errors.Is(err, os.ErrNotExist):
			return nil, nil, fmt.Errorf("there is no file %q", name)
		case err != nil:
			return nil, nil, err
		default:
			contracts = append(contracts, c)
		}
	}
	return contracts, problems, nil
}

func readContract(name string, in io.Reader) (*choreography.Choreography, error) {
	if name != "-" {
		return choreography.ParseFile(name)
	}
	text, err := io.ReadAll(io.LimitReader(in, choreography.MaxSize+1))
	if err != nil {
		return nil, fmt.Errorf("read the contract from standard input: %w", err)
	}
	return choreography.Parse("standard input", text)
}

func writeProblems(s streams, problems []choreography.Problem) error {
	if problems == nil {
		problems = []choreography.Problem{}
	}
	encoder := json.NewEncoder(s.out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(problems)
}

// tell prints the findings, and what they amount to.
func (f *checkFlags) tell(s streams, problems []choreography.Problem, files, services int) {
	bad := 0
	for _, p := range problems {
		fmt.Fprintln(s.out, p)
		if p.Severity == choreography.SeverityError {
			bad++
		}
	}
	looked := []string{}
	if files > 0 {
		looked = append(looked, counted(files, "file"))
	}
	if f.live {
		looked = append(looked, counted(services, "running service"))
	}
	found := "no problem"
	if len(problems) > 0 {
		found = counted(bad, "error") + " and " + counted(len(problems)-bad, "warning")
	}
	fmt.Fprintf(s.out, "%s: %s\n", strings.Join(looked, " and "), found)
}

func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
