package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

func healthCommand(s streams) *cobra.Command {
	timeout := 3 * time.Second
	cmd := &cobra.Command{
		Use:   "health URL",
		Short: "Ask an address whether all is well, for health checks without a shell",
		Long: `Get an address, such as a service's /readyz, and exit with status 0 where the
answer is 2xx, and 1 otherwise, with the answer. It is for the health checks of
containers that have no shell and no curl.`,
		Example: "  laban health http://127.0.0.1:7070/readyz",
		Args:    cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usageError(cmd, errors.New("give one address"))
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), timeout)
			defer cancel()
			return health(ctx, args[0], s.out)
		},
	}
	cmd.Flags().DurationVar(&timeout, "timeout", timeout, "how long the answer may take")
	return cmd
}

// health gets an address. It follows no redirection and uses no proxy: it asks
// that very process.
func health(ctx context.Context, address string, out io.Writer) error {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return errors.New("that is no address such as http://127.0.0.1:7070/readyz")
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return err
	}
	client := http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	response, err := client.Do(request)
	if err != nil {
		var inner *url.Error // its text may have a password
		if errors.As(err, &inner) {
			err = inner.Err
		}
		return fmt.Errorf("%s does not answer: %w", u.Redacted(), err)
	}
	defer response.Body.Close()
	said, err := io.ReadAll(io.LimitReader(response.Body, 4096))
	if err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	if response.StatusCode/100 != 2 {
		return fmt.Errorf("%s: %s", response.Status, strings.TrimSpace(string(said)))
	}
	_, err = fmt.Fprintf(out, "%s\n", strings.TrimSpace(string(said)))
	return err
}
