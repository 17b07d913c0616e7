package notification

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"sync/atomic"
	"time"

	"github.com/laban-io/laban/internal/chassis"
	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/services/notification/mailer"
)

// Name is the service's name.
const Name = "notification"

// Emits returns the event types that the service publishes.
func Emits() []string { return []string{notificationSent} }

// Settings are the service's own settings.
type Settings struct {
	SMTPAddr     string        `env:"SMTP_ADDR" help:"host:port of the mail server; without one, mails are printed in the log"`
	SMTPUsername string        `env:"SMTP_USERNAME" help:"user name at the mail server, if it wants one; sent only over an encrypted connection or to this host"`
	SMTPPassword string        `env:"SMTP_PASSWORD" help:"the password to it" secret:"true"`
	From         string        `env:"MAIL_FROM" envDefault:"orders@laban.example" help:"the address that mails come from"`
	Timeout      time.Duration `env:"MAIL_TIMEOUT" envDefault:"10s" help:"how long handing over one mail may take before it is tried again"`
}

// Validate says what of the settings can't work.
func (s *Settings) Validate() error {
	var errs []error
	if s.Timeout <= 0 {
		errs = append(errs, fmt.Errorf("MAIL_TIMEOUT is %v, must be positive", s.Timeout))
	}
	if s.SMTPAddr == "" {
		return errors.Join(errs...)
	}
	if _, _, err := net.SplitHostPort(s.SMTPAddr); err != nil {
		errs = append(errs, fmt.Errorf("SMTP_ADDR must be host:port, such as localhost:25: %w", err))
	}
	if _, err := mailer.ParseAddress(s.From); err != nil {
		errs = append(errs, fmt.Errorf("MAIL_FROM: %w", err))
	}
	return errors.Join(errs...)
}

//go:embed migrations/*.sql
var embedded embed.FS

// Notification is one instance of the service. Make one with [New] and give its
// [Notification.Spec] to the chassis. Its methods are safe for concurrent use.
type Notification struct {
	settings Settings
	mailer   mailer.Mailer
	db       atomic.Pointer[sql.DB]
}

// New returns a notification service that is not running yet. Where m is nil it
// makes a mailer from its settings.
func New(s Settings, m mailer.Mailer) *Notification { return &Notification{settings: s, mailer: m} }

// Spec describes the service to the chassis. It may run once.
func (n *Notification) Spec() chassis.Spec {
	return chassis.Spec{
		Name:        Name,
		Summary:     "Writes a mail to the customer for each change of an order.",
		Emits:       Emits(),
		Migrations:  Migrations(),
		DefaultAddr: "127.0.0.1:8085",
		Settings:    &n.settings,
		Build:       n.build,
	}
}

// Migrations returns the migrations of the service's database.
func Migrations() fs.FS {
	sub, err := fs.Sub(embedded, "migrations")
	if err != nil {
		panic(err) //nolint:forbidigo // the name is a constant and valid
	}
	return sub
}

func (n *Notification) build(_ context.Context, p chassis.Parts) (chassis.Service, error) {
	if err := n.settings.Validate(); err != nil {
		return chassis.Service{}, err
	}
	m := n.mailer
	if m == nil {
		var err error
		if m, err = n.settings.mailer(p.Logger); err != nil {
			return chassis.Service{}, err
		}
	}
	n.db.Store(p.DB)
	h := &handler{outbox: p.Outbox, mailer: m, sendTimeout: n.settings.Timeout, log: p.Logger}
	p.Bus.Handle(bus.Typed(h.react), heard()...)
	return chassis.Service{}, nil
}

// mailer returns what the settings ask for.
func (s Settings) mailer(log *slog.Logger) (mailer.Mailer, error) {
	if s.SMTPAddr == "" {
		return mailer.Printer{Log: log}, nil
	}
	from, err := mailer.ParseAddress(s.From)
	if err != nil {
		return nil, fmt.Errorf("MAIL_FROM: %w", err)
	}
	return &mailer.SMTP{Addr: s.SMTPAddr, From: from, Username: s.SMTPUsername, Password: s.SMTPPassword}, nil
}

// Mail is one mail, as the service's database has it.
type Mail struct {
	// ID is the left part of its Message-ID.
	ID string
	// EventID and About are the id and type of the event that it is about.
	EventID string
	About   string
	OrderID string
	To      string
	// Sent tells whether the mail server has it for certain.
	Sent bool
}

// ErrNotRunning is the error of asking a service that the chassis has not
// built yet.
var ErrNotRunning = errors.New("notification is not running yet")

// Mails returns every mail, sent or about to be, by order. After the chassis
// has stopped it is an error, since the database is closed.
func (n *Notification) Mails(ctx context.Context) ([]Mail, error) {
	db := n.db.Load()
	if db == nil {
		return nil, ErrNotRunning
	}
	return mails(ctx, db)
}
