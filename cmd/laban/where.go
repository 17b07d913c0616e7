package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/laban-io/laban/internal/observer/api"
)

func whereCommand(s streams) *cobra.Command {
	f := &askFlags{}
	cmd := &cobra.Command{
		Use:   "where KEY",
		Short: "Say in one sentence where a flow is",
		Long: `Say in one sentence where the flow with this key is: whose turn it is, since
when, and when it should be done; or why it stopped; or how it ended.

The key is what people call the flow by, such as an order's number. A flow's id
or a trace id will do, too. Of several flows with one key it is the one that
goes on, or the newest; the others are named.

` + aboutObserver + `

The exit status is 1 if there is no such flow.`,
		Example: `  laban where 1042
  laban where 1042 -o json`,
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
		found, err := c.Where(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		if f.json() {
			err = printJSON(s.out, found)
		} else {
			_, err = fmt.Fprintln(s.out, api.Plain(found.Sentence))
		}
		if err == nil && !found.Found {
			return &statusError{status: 1} // the sentence has said it
		}
		return err
	}
	return cmd
}
