package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/laban-io/laban/internal/nearest"
	"github.com/laban-io/laban/internal/observer/api"
	"github.com/laban-io/laban/internal/observer/client"
	"github.com/laban-io/laban/pkg/flow"
)

// observerVariable names the environment variable with the observer's address.
const observerVariable = "LABAN_OBSERVER"

// askFlags are the flags of commands that ask an observer.
type askFlags struct {
	address, output string
}

const aboutObserver = `It asks the observer at --observer, or LABAN_OBSERVER. Where the observer was
started with a token, set LABAN_API_TOKEN to it.`

func (f *askFlags) add(flags *pflag.FlagSet) {
	address := os.Getenv(observerVariable)
	if address == "" {
		address = client.DefaultAddress
	}
	flags.StringVar(&f.address, "observer", address, "the `URL` of the observer")
	flags.StringVarP(&f.output, "output", "o", "text", "text, or json for programs")
}

// client returns a client of the observer. Close it when done.
func (f *askFlags) client(cmd *cobra.Command) (*client.Client, error) {
	if f.output != "text" && f.output != "json" {
		return nil, usageError(cmd, fmt.Errorf("--output: there is text and json, but not %q", f.output))
	}
	c, err := client.New(f.address, os.Getenv(api.TokenVariable))
	if err != nil {
		return nil, usageError(cmd, fmt.Errorf("--observer: %w", err))
	}
	return c, nil
}

func (f *askFlags) json() bool { return f.output == "json" }

// printJSON writes what the observer answered.
func printJSON(w io.Writer, v any) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(v)
}

// oneKey refuses anything but one argument.
func oneKey(cmd *cobra.Command, args []string) error {
	switch {
	case len(args) == 0:
		return usageError(cmd, fmt.Errorf("say which flow: %s KEY", cmd.CommandPath()))
	case len(args) > 1:
		return usageError(cmd, fmt.Errorf("%q is not expected: ask for one flow at a time", args[1]))
	default:
		return nil
	}
}

// flowWords are the words of flags that take one of a few.
func flowWords() map[string][]string {
	var statuses, causes []string
	for _, s := range flow.Statuses() {
		statuses = append(statuses, s.String())
	}
	for _, c := range flow.Causes() {
		causes = append(causes, c.String())
	}
	return map[string][]string{"status": statuses, "cause": causes}
}

// knownWord refuses a value of such a flag that is none of its words, and says
// which one was meant.
func knownWord(flag string, values ...string) error {
	words := flowWords()[flag]
	for _, v := range values {
		if v == "" || slices.Contains(words, v) {
			continue
		}
		if meant, ok := nearest.Of(v, words); ok {
			return fmt.Errorf("--%s: there is no %s %q; did you mean %q?", flag, flag, v, meant)
		}
		return fmt.Errorf("--%s: there is no %s %q; there are %s", flag, flag, v, strings.Join(words, ", "))
	}
	return nil
}

// complete registers what the shell offers for flags that have few values.
func (f *askFlags) complete(cmd *cobra.Command) {
	fixed := func(name string, values []string) {
		if cmd.Flags().Lookup(name) != nil {
			// It fails only where there is no such flag, or twice.
			_ = cmd.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
		}
	}
	for name, words := range flowWords() {
		fixed(name, words)
		if flag := cmd.Flags().Lookup(name); flag != nil {
			flag.Usage += ": " + strings.Join(words, ", ")
		}
	}
	fixed("output", []string{"text", "json"})
	fixed("observer", []string{client.DefaultAddress})
	live := func(name string, ask func(context.Context, *client.Client) []string) {
		if cmd.Flags().Lookup(name) == nil {
			return
		}
		_ = cmd.RegisterFlagCompletionFunc(name, func(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
			c, err := f.client(cmd)
			if err != nil {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			defer c.Close()
			ctx, cancel := context.WithTimeout(cmd.Context(), 2*time.Second)
			defer cancel()
			return ask(ctx, c), cobra.ShellCompDirectiveNoFileComp
		})
	}
	live("choreography", func(ctx context.Context, c *client.Client) (names []string) {
		all, _ := c.Choreographies(ctx) // an observer that can't be asked offers nothing
		for i := range all.Choreographies {
			names = append(names, all.Choreographies[i].Name)
		}
		return names
	})
	live("service", func(ctx context.Context, c *client.Client) (names []string) {
		status, _ := c.Status(ctx) // likewise
		for i := range status.Services {
			names = append(names, status.Services[i].Name)
		}
		return names
	})
}

// find returns the flow that a key or an id names.
func find(ctx context.Context, c *client.Client, key string) (api.Where, error) {
	found, err := c.Where(ctx, key)
	if err != nil {
		return found, err
	}
	if found.Flow == nil {
		return found, errors.New(found.Sentence)
	}
	return found, nil
}
