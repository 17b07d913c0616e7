package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/laban-io/laban/internal/nearest"
	"github.com/laban-io/laban/pkg/choreography"
)

func renderCommand(s streams) *cobra.Command {
	var as string
	cmd := &cobra.Command{
		Use:   "render FILE",
		Short: "Draw a choreography",
		Long: `Draw a contract, to standard output: as a Mermaid flowchart, which many pages
show by themselves, in Graphviz's language, or as an SVG that stands on its own.

Events are round, services that react are boxes. Compensations are dashed, what
no flow waits for is grey, and outcomes say what they are. Who only listens is
named at the event. "-" reads the contract from standard input.`,
		Example: `  laban render --as svg order.choreography.yaml > order.svg
  laban render --as dot order.choreography.yaml | dot -Tpdf > order.pdf
  laban render --as mermaid order.choreography.yaml`,
		Args: cobra.ArbitraryArgs,
	}
	cmd.Flags().StringVar(&as, "as", string(choreography.Mermaid), "mermaid, dot or svg")
	cmd.RunE = func(cmd *cobra.Command, files []string) error {
		format := choreography.Format(as)
		switch {
		case !slices.Contains(choreography.Formats(), format):
			return usageError(cmd, unknownFormat(as))
		case len(files) != 1:
			return usageError(cmd, errors.New("name one file to draw"))
		}
		contracts, problems, err := readContracts(files, s.in)
		switch {
		case err != nil:
			return err
		case len(problems) > 0:
			return choreography.Errors(problems)
		}
		var text strings.Builder
		if err := choreography.Render(&text, contracts[0], format); err != nil {
			return err
		}
		if format == choreography.Mermaid && tooLargeForMermaid(text.String()) {
			fmt.Fprintln(s.err, "the drawing is larger than what Mermaid shows unless its page allows it (maxTextSize 50000, maxEdges 500); --as svg has no such limit")
		}
		_, err = io.WriteString(s.out, text.String())
		return err
	}
	return cmd
}

// tooLargeForMermaid tells whether a flowchart is beyond Mermaid's defaults.
//
// Source: MermaidConfig in Mermaid 11, maxTextSize and maxEdges.
func tooLargeForMermaid(text string) bool {
	return len(text) > 50_000 || strings.Count(text, "> n") > 500
}

func unknownFormat(as string) error {
	var names []string
	for _, f := range choreography.Formats() {
		names = append(names, string(f))
	}
	if meant, ok := nearest.Of(as, names); ok {
		return fmt.Errorf("--as: there is no format %q; did you mean %q?", as, meant)
	}
	return fmt.Errorf("--as: there is no format %q; there are %s", as, strings.Join(names, ", "))
}
