package process

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/laban-io/laban/internal/observer/config"
	"github.com/laban-io/laban/internal/observer/source"
	"github.com/laban-io/laban/pkg/amqpbus"
)

// checkTimeout bounds a check.
const checkTimeout = 20 * time.Second

// Check validates a configuration, asks the broker, and says what would be
// observed and what can't be. It declares and binds nothing.
func Check(ctx context.Context, cfg *config.Config, opts Options, out io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	if err := cfg.Validate(); err != nil {
		return err
	}
	contracts, err := cfg.ReadContracts()
	if err != nil {
		return err
	}
	for _, c := range contracts {
		fmt.Fprintf(out, "contract   %s, %d reactions\n", c.Name, len(c.Reactions))
	}
	if len(contracts) == 0 {
		fmt.Fprintln(out, "contract   none: events are counted, and no flow is known; laban learn drafts one")
	}
	log, err := source.Open(cfg, opts.Logger)
	if err != nil {
		return err
	}
	report, err := log.Check(ctx)
	if err != nil {
		return fmt.Errorf("ask the broker at %s: %w", amqpbus.Redact(cfg.AMQP[0]), err)
	}
	exists := "which is not there yet and will be declared"
	if report.LogExists {
		exists = "which is there"
	}
	fmt.Fprintf(out, "log        the stream %s, %s\n", cfg.Log, exists)
	fmt.Fprintf(out, "ledger     %s\n", ledgerName(cfg.Ledger))
	if report.Management != "" {
		fmt.Fprintf(out, "evidence   %s\n", report.Management)
	}
	problems := 0
	for _, b := range report.Taps {
		for _, binding := range b.Bindings {
			fmt.Fprintf(out, "tap        %s\n", binding)
		}
		if b.Problem != "" {
			problems++
			fmt.Fprintf(out, "tap        %s: %s\n", b.Exchange, b.Problem)
		}
	}
	for _, advice := range source.Advice(cfg) {
		fmt.Fprintf(out, "note       %s\n", advice)
	}
	if problems > 0 {
		return fmt.Errorf("%d of %d taps would receive nothing", problems, len(report.Taps))
	}
	return nil
}

// ledgerName is a ledger's address without a password.
func ledgerName(url string) string {
	if strings.HasPrefix(url, "postgres") {
		return amqpbus.Redact(url)
	}
	return url
}
