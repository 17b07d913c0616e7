package mailer

import (
	"context"
	"log/slog"
)

// Printer sends nothing: it writes a line for each mail to a log, for a process
// that has no mail server.
type Printer struct{ Log *slog.Logger }

var _ Mailer = Printer{}

// Send writes the line; the mail's text is at debug level only.
func (p Printer) Send(ctx context.Context, m Mail) error {
	args := []any{"to", string(m.To), "subject", clean(m.Subject, "")}
	if p.Log.Enabled(ctx, slog.LevelDebug) {
		args = append(args, "text", clean(m.Text, "\n"))
	}
	p.Log.InfoContext(ctx, "mail (printed, since SMTP_ADDR is not set)", args...)
	return nil
}
