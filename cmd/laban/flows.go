package main

import (
	"cmp"
	"errors"
	"fmt"
	"os/user"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/laban-io/laban/internal/observer/api"
	"github.com/laban-io/laban/internal/observer/client"
)

func flowsCommand(s streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "flows",
		Short: "List flows, show one's journey, watch them change, close one",
		Long: `See what the observer knows of flows, such as orders on their way through
several services.

` + aboutObserver,
		Example: `  laban flows list --status stalled
  laban flows show 1042
  laban flows watch
  laban flows close 1042 --reason "refunded by hand, ticket 4711"`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return cmd.Help()
			}
			return usageError(cmd, unknownCommand(cmd, args[0]))
		},
	}
	cmd.AddCommand(flowsListCommand(s), flowsShowCommand(s), flowsWatchCommand(s), flowsCloseCommand(s))
	return cmd
}

func flowsListCommand(s streams) *cobra.Command {
	f, filter, all := &askFlags{}, client.Filter{}, false
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List flows, those that started last first",
		Long: `List flows, those that started last first. Each filter narrows the list.

` + aboutObserver,
		Example: `  laban flows list --status stalled                # what is stuck
  laban flows list --service payment               # what waits for payment
  laban flows list --cause parked --since 24h      # what somebody has to redrive
  laban flows list --status stalled -o json | jq -r '.flows[].key'`,
		Args: noArguments,
	}
	flags := cmd.Flags()
	flags.StringSliceVar(&filter.Status, "status", nil, "only flows with one of these statuses")
	flags.StringVar(&filter.Choreography, "choreography", "", "only flows of this choreography")
	flags.StringVar(&filter.Service, "service", "", "only flows that this service owes something now")
	flags.StringVar(&filter.Cause, "cause", "", "only flows of which something is overdue for this cause")
	flags.StringVar(&filter.Key, "key", "", "only flows with this key")
	flags.StringVar(&filter.Since, "since", "", "only flows that started since a `time`: 15m, 24h, 7d ago, or 2026-01-02T15:04:05Z")
	flags.IntVarP(&filter.Limit, "limit", "n", 50, "how many flows to list at most, up to 500")
	flags.StringVar(&filter.Cursor, "cursor", "", "go on where a list ended")
	flags.BoolVar(&all, "all", false, "list them all, however many there are")
	f.add(flags)
	flags.SortFlags = false
	f.complete(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := cmp.Or(knownWord("status", filter.Status...), knownWord("cause", filter.Cause)); err != nil {
			return usageError(cmd, err)
		}
		c, err := f.client(cmd)
		if err != nil {
			return err
		}
		defer c.Close()
		if all {
			filter.Limit = 500
		}
		page, err := c.Flows(cmd.Context(), filter)
		for all && err == nil && page.Next != "" {
			var more api.FlowPage
			filter.Cursor = page.Next
			more, err = c.Flows(cmd.Context(), filter)
			page.Flows, page.Next = append(page.Flows, more.Flows...), more.Next
		}
		if err != nil {
			return explainUsage(cmd, err)
		}
		if f.json() {
			return printJSON(s.out, page)
		}
		return printTable(s.out, page, paperOf(s.out))
	}
	return cmd
}

// explainUsage makes an error about the query one about the command line.
func explainUsage(cmd *cobra.Command, err error) error {
	var refusal *client.Refusal
	if errors.As(err, &refusal) && refusal.Status == 422 {
		return usageError(cmd, err)
	}
	return err
}

func flowsShowCommand(s streams) *cobra.Command {
	f := &askFlags{}
	cmd := &cobra.Command{
		Use:   "show KEY|ID",
		Short: "Show the journey of one flow",
		Long: `Show one flow as a tree: each event under the one that caused it, the time it
took (in queue, in the service's hand, until it was published), what was tried
again, what departs from the contract, and what is missing.

` + aboutObserver,
		Example: `  laban flows show 1042
  laban flows show 01JH2T8Q7P9V0XKZ4M6N8R3S5T -o json`,
		Args:              oneKey,
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	f.add(cmd.Flags())
	f.complete(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := f.client(cmd)
		if err != nil {
			return err
		}
		defer c.Close()
		found, err := find(cmd.Context(), c, args[0])
		if err != nil {
			return err
		}
		d, err := c.Flow(cmd.Context(), found.Flow.Choreography, found.Flow.ID)
		if err != nil {
			return err
		}
		if f.json() {
			return printJSON(s.out, d)
		}
		return printJourney(s.out, &d, found.Sentence, paperOf(s.out))
	}
	return cmd
}

func flowsCloseCommand(s streams) *cobra.Command {
	f, reason := &askFlags{}, ""
	cmd := &cobra.Command{
		Use:   "close KEY|ID",
		Short: "Say that a flow is over, because it was mended by hand",
		Long: `Say that a flow is over, because somebody has mended by hand what the services
did not do. The closing is written into the log, with the reason and your name,
so that it holds after a rebuild, too. It changes nothing at the services.

` + aboutObserver,
		Example: `  laban flows close 1042 --reason "refunded by hand, ticket 4711"`,
		Args:    oneKey, ValidArgsFunction: cobra.NoFileCompletions,
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why the flow is over, for those who read the log later (needed)")
	f.add(cmd.Flags())
	f.complete(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if strings.TrimSpace(reason) == "" {
			return usageError(cmd, errors.New(`say why the flow is over, for those who read the log later: --reason "…"`))
		}
		c, err := f.client(cmd)
		if err != nil {
			return err
		}
		defer c.Close()
		found, err := find(cmd.Context(), c, args[0])
		if err != nil {
			return err
		}
		for i := range found.Others {
			if open(found.Others[i].Status) && open(found.Flow.Status) && args[0] != found.Flow.ID {
				return fmt.Errorf("several flows with the key %s go on: %s and %s; say which by its id", api.Plain(args[0]), api.Plain(found.Flow.ID), api.Plain(found.Others[i].ID))
			}
		}
		done, err := c.CloseFlow(cmd.Context(), found.Flow.Choreography, found.Flow.ID, reason, whoami())
		if err != nil {
			return err
		}
		if f.json() {
			return printJSON(s.out, done)
		}
		_, err = fmt.Fprintf(s.out, "The log says that %s %s (%s) is over: %s\n", api.Plain(done.Choreography), api.Plain(done.Key), api.Plain(done.ID), api.Plain(done.Reason))
		return err
	}
	return cmd
}

// open tells whether a flow with a status may be closed.
func open(status string) bool {
	return status != "completed" && status != "failed" && status != "closed"
}

// whoami is the name of the user, for the record.
func whoami() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return ""
}

// paper is what is printed on.
type paper struct {
	width    int // 0 is as wide as need be
	colours  bool
	now      time.Time
	location *time.Location
}
