package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/laban-io/laban/internal/nearest"
)

// streams are what the command reads and writes.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// run runs the command line and returns the exit status: 0, or 1 where what was
// asked for failed, 2 where it could not be understood, 130 where ctrl-C cut it
// off.
func run(ctx context.Context, args []string, s streams) int {
	cmd := rootCommand(s)
	cmd.SetArgs(args)
	err := cmd.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	status := &statusError{status: 1}
	if !errors.As(err, &status) {
		status = &statusError{status: 1}
	}
	if text := err.Error(); text != "" {
		fmt.Fprintln(s.err, "laban: "+text)
	}
	return status.status
}

// statusError is an error with an exit status of its own. Its text may be
// empty, where everything has been said.
type statusError struct {
	status int
	err    error
}

// Error returns the text of the error inside.
func (e *statusError) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

// Unwrap returns the error inside.
func (e *statusError) Unwrap() error { return e.err }

// usageError says that the command line can't be understood, and where help is.
func usageError(cmd *cobra.Command, err error) error {
	return &statusError{2, fmt.Errorf("%w\nsee %s --help", err, cmd.CommandPath())}
}

// rootCommand returns laban with all its commands.
func rootCommand(s streams) *cobra.Command {
	root := &cobra.Command{
		Use:   "laban",
		Short: "See where choreographed services are, and that they stopped",
		Long: `Laban is for services that react to each other's events, with nobody in
charge. It shows one order as one trace, and knows where each order is.

To see it work, without installing anything:

  laban demo

That runs five services (order, inventory, payment, delivery, notification) in
this process, sends them orders of every fate, and shows whose turn it is.`,
		Args:          cobra.ArbitraryArgs, // an unknown command is told below
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return cmd.Help()
			}
			return usageError(cmd, unknownCommand(cmd, args[0]))
		},
	}
	root.SetIn(s.in)
	root.SetOut(s.out)
	root.SetErr(s.err)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usageError(cmd, suggestFlag(cmd, err))
	})
	root.AddCommand(checkCommand(s), demoCommand(s), flowsCommand(s), healthCommand(s), learnCommand(s), loadCommand(s), observeCommand(s), parkedCommand(s), renderCommand(s),
		replayCommand(s), versionCommand(), whereCommand(s))
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	return root
}

// unknownCommand says that there is no such command, and what might be meant.
func unknownCommand(cmd *cobra.Command, name string) error {
	var names []string
	for _, c := range cmd.Commands() {
		names = append(names, c.Name())
	}
	if meant, ok := nearest.Of(name, names); ok {
		return fmt.Errorf("there is no command %q; did you mean %q?", name, meant)
	}
	return fmt.Errorf("there is no command %q; there are %s", name, strings.Join(names, ", "))
}

// suggestFlag adds to the error of an unknown flag what might be meant.
func suggestFlag(cmd *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	if !errors.As(err, &unknown) {
		return err
	}
	if short := unknown.GetSpecifiedShortnames(); short != "" {
		return errors.New("there is no flag -" + short)
	}
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	if meant, ok := nearest.Of(unknown.GetSpecifiedName(), names); ok {
		return fmt.Errorf("there is no flag --%s; did you mean --%s?", unknown.GetSpecifiedName(), meant)
	}
	return fmt.Errorf("there is no flag --%s", unknown.GetSpecifiedName())
}

// noArguments refuses arguments and says so plainly.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	err := fmt.Errorf("%q is not expected: %s takes flags only", args[0], cmd.CommandPath())
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if f.Value.Type() == "string" && f.NoOptDefVal != "" && f.Value.String() == f.NoOptDefVal {
			err = fmt.Errorf("%q is not expected: the value of --%s follows an equals sign, --%s=%s", args[0], f.Name, f.Name, args[0])
		}
	})
	return usageError(cmd, err)
}
