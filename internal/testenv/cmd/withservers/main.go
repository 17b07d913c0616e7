// Withservers runs a command with RabbitMQ, PostgreSQL and Jaeger at hand:
//
//	withservers [-rabbitmq] [-postgresql] [-jaeger] [--] COMMAND [ARGUMENT…]
//
// It starts private servers, names them in the environment as package testenv
// describes, runs the command, ends the servers, and exits with the command's
// status. Without a flag it starts all three. A server that the environment
// names already is used as it is.
//
//	withservers -missing
//
// lists, one on a line, the servers that neither the environment names nor the
// machine has installed; for Jaeger followed by the version to build and where
// to put it. The script behind make deps reads it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// failed is the exit status where the command could not be run.
const failed = 125

func main() {
	status, err := run(os.Args[1:], os.Stderr)
	if err != nil {
		fmt.Fprintf(os.Stderr, "withservers: %v\n", err)
	}
	os.Exit(status)
}

func run(args []string, progress io.Writer) (status int, err error) {
	if len(args) == 1 && args[0] == "-missing" {
		return 0, printMissing(os.Stdout)
	}
	wanted, command, err := parse(args, progress)
	if errors.Is(err, flag.ErrHelp) {
		return 0, nil
	}
	if err != nil {
		return failed, err
	}
	ctx, done := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	env, stop, err := start(ctx, wanted, progress)
	defer stop()
	if err != nil {
		done()
		return failed, err
	}
	return execute(command, env, done)
}

// parse returns which servers are wanted and for which command.
func parse(args []string, usage io.Writer) (wanted []server, command []string, err error) {
	flags := flag.NewFlagSet("withservers", flag.ContinueOnError)
	flags.SetOutput(usage)
	flags.Usage = func() {
		_, _ = fmt.Fprintln(usage, "usage: withservers [-rabbitmq] [-postgresql] [-jaeger] [--] COMMAND [ARGUMENT…]")
		flags.PrintDefaults()
	}
	all := servers()
	chosen := make([]bool, len(all))
	for i, s := range all {
		flags.BoolVar(&chosen[i], s.flag, false, "start "+s.name)
	}
	if err := flags.Parse(args); err != nil {
		return nil, nil, err
	}
	if flags.NArg() == 0 {
		return nil, nil, errors.New("no command is given; see withservers -help")
	}
	for i, s := range all {
		if chosen[i] {
			wanted = append(wanted, s)
		}
	}
	if wanted == nil {
		wanted = all
	}
	return wanted, flags.Args(), nil
}
