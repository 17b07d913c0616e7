package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/laban-io/laban/internal/demo"
)

func loadCommand(s streams) *cobra.Command {
	c := demo.LoadConfig{Out: s.err}
	mix := demo.DefaultMix().String()
	cmd := &cobra.Command{
		Use:   "load",
		Short: "Place orders of every fate at an order service that runs",
		Long: `Place orders at an order service that runs, as customers do: most are shipped,
some are declined, sold out, undeliverable, charged by a provider that answers
too late, or canceled half-way. It goes on until it is stopped and follows none
of them; laban demo does.`,
		Example: `  laban load
  laban load --rate 20 --count 1000 --fates approved=1`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var err error
			if c.Mix, err = demo.ParseMix(mix); err != nil {
				return usageError(cmd, fmt.Errorf("--fates: %w", err))
			}
			ctx, release := untilStopped(cmd.Context())
			defer release()
			placed, failed, err := demo.Load(ctx, c)
			var wrong *demo.UsageError
			if errors.As(err, &wrong) {
				return usageError(cmd, err)
			}
			if err != nil {
				return err
			}
			fmt.Fprintf(s.out, "%d orders placed, %d could not be\n", placed, failed)
			if placed == 0 && failed > 0 {
				return errors.New("no order could be placed; does the order service run where --orders says?")
			}
			return nil
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&c.Orders, "orders", "http://127.0.0.1:8081", "the `address` of the order API")
	flags.Float64Var(&c.Rate, "rate", 1, "how many orders a second")
	flags.IntVar(&c.Count, "count", 0, "how many orders; 0: until it is stopped")
	flags.StringVar(&mix, "fates", mix, "how many of each fate, in `proportion`")
	flags.Uint64Var(&c.Seed, "seed", 0, "place the same orders again as a run with this seed")
	flags.SortFlags = false
	return cmd
}
