// Command stack starts and ends the whole system on this machine, without
// containers; see stack --help.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/laban-io/laban/internal/stack"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := command().ExecuteContext(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "stack: "+err.Error())
		os.Exit(1)
	}
}

// defaultFolder is where a stack is kept that is given no folder: where
// PostgreSQL's own user, as whom root must run it, can reach it.
func defaultFolder() string {
	if folder := os.Getenv("LABAN_STACK"); folder != "" {
		return folder
	}
	return "/var/tmp/laban-stack-" + strconv.Itoa(os.Geteuid())
}

type flags struct {
	folder, source, programs string
	free, load, purge        bool
}

func command() *cobra.Command {
	f := &flags{}
	root := &cobra.Command{
		Use:   "stack",
		Short: "Run the whole system on this machine, without containers",
		Long: `Run the whole system on this machine, without containers: RabbitMQ, PostgreSQL,
Jaeger, Prometheus, Alertmanager, a mail catcher, the five services, the observer,
customers that place orders, and Grafana where a grafana program is found. All is
in one folder; nothing listens beyond loopback; only what was started here is
ended here.

The settings are those of deploy/compose/.env; variables of the environment go
before them.`,
		Example: `  scripts/stack.bash up                  # the same: make stack
  scripts/stack.bash stop payment        # and see what is said of it
  scripts/stack.bash start payment
  scripts/stack.bash down`,
		SilenceErrors: true, SilenceUsage: true,
	}
	root.CompletionOptions.DisableDefaultCmd = true
	root.PersistentFlags().StringVar(&f.folder, "folder", defaultFolder(), "where everything is kept; LABAN_STACK says another default")
	up := &cobra.Command{Use: "up", Short: "Start everything, and say where it is", Args: cobra.NoArgs, RunE: f.up}
	up.Flags().StringVar(&f.source, "source", ".", "the repository")
	up.Flags().StringVar(&f.programs, "programs", "bin", "the folder with the built commands")
	up.Flags().BoolVar(&f.free, "free-ports", false, "take ports that nobody listens on")
	up.Flags().BoolVar(&f.load, "load", true, "have customers place orders, LOAD_RATE a second")
	down := &cobra.Command{Use: "down", Short: "End everything; data and logs stay", Args: cobra.NoArgs, RunE: f.down}
	down.Flags().BoolVar(&f.purge, "purge", false, "remove data and logs, too")
	root.AddCommand(up, down,
		&cobra.Command{Use: "status", Short: "Say how each part fares, and where it is", Args: cobra.NoArgs, RunE: f.status},
		&cobra.Command{Use: "stop PART", Short: "End one part, such as payment", Args: cobra.ExactArgs(1), RunE: f.stopPart},
		&cobra.Command{
			Use: "rabbitmqctl ARGUMENT...", Short: "Run rabbitmqctl on the stack's broker, such as: rabbitmqctl set_vm_memory_high_watermark 0",
			DisableFlagParsing: true, RunE: f.control,
		},
		&cobra.Command{Use: "start PART", Short: "Start one part again", Args: cobra.ExactArgs(1), RunE: f.startPart})
	return root
}

func (f *flags) up(cmd *cobra.Command, _ []string) error {
	source, err := filepath.Abs(f.source)
	if err != nil {
		return err
	}
	programs, err := filepath.Abs(f.programs)
	if err != nil {
		return err
	}
	settings, err := stack.ReadSettings(filepath.Join(source, "deploy", "compose", ".env"), os.LookupEnv)
	if err != nil {
		return err
	}
	out := cmd.OutOrStdout()
	fmt.Fprintln(out, "starting everything in", f.folder)
	s, err := stack.Up(cmd.Context(), stack.Config{
		Folder: f.folder, Source: source, Programs: programs, Settings: settings, FreePorts: f.free, Load: f.load, Out: out,
	})
	if err != nil {
		return err
	}
	if err := stack.Write(out, s.Status(cmd.Context())); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, `
Place an order:  curl -s %[1]s/orders --json '{"customer_email": "ada@example.com", "items": [{"sku": "mug", "quantity": 2, "unit_price": 1250}], "currency": "EUR", "ship_to": "12 Mill Lane, Cambridge", "payment_token": "tok_approved"}'
See an alert:    scripts/stack.bash stop payment, and after half a minute %[4]s/?to=localhost
What is stuck:   bin/laban flows list --status stalled --observer %[2]s
End it:          scripts/stack.bash down
Logs are in %[3]s/logs.
`, s.URL("ORDER_PORT"), s.URL("OBSERVER_PORT"), s.Folder(), s.URL("MAILPIT_PORT"))
	return err
}

func (f *flags) open(cmd *cobra.Command) (*stack.Stack, error) {
	return stack.Open(f.folder, cmd.OutOrStdout())
}

func (f *flags) down(cmd *cobra.Command, _ []string) error {
	s, err := f.open(cmd)
	if err != nil {
		return err
	}
	if err := s.Down(cmd.Context()); err != nil {
		return err
	}
	if f.purge {
		if err := s.Remove(); err != nil {
			return err
		}
		_, err := fmt.Fprintln(cmd.OutOrStdout(), "all has ended, and", s.Folder(), "is removed")
		return err
	}
	_, err = fmt.Fprintln(cmd.OutOrStdout(), "all has ended; data and logs stay in", s.Folder())
	return err
}

func (f *flags) control(cmd *cobra.Command, args []string) error {
	s, err := f.open(cmd)
	if err != nil {
		return err
	}
	text, err := s.Control(cmd.Context(), args...)
	if err != nil {
		return err
	}
	_, err = fmt.Fprint(cmd.OutOrStdout(), text)
	return err
}

func (f *flags) status(cmd *cobra.Command, _ []string) error {
	s, err := f.open(cmd)
	if err != nil {
		return err
	}
	all := s.Status(cmd.Context())
	if err := stack.Write(cmd.OutOrStdout(), all); err != nil {
		return err
	}
	for _, p := range all {
		if p.Trouble != nil {
			return errors.New("not all of it is well")
		}
	}
	return nil
}

func (f *flags) stopPart(cmd *cobra.Command, args []string) error {
	s, err := f.open(cmd)
	if err != nil {
		return err
	}
	return s.Stop(cmd.Context(), args[0])
}

func (f *flags) startPart(cmd *cobra.Command, args []string) error {
	s, err := f.open(cmd)
	if err != nil {
		return err
	}
	return s.Start(cmd.Context(), args[0])
}
