package mailer

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/smtp"
	"net/textproto"
	"time"
)

// SMTP sends mails to a mail server, one connection for each.
type SMTP struct {
	// Addr is the server's host:port.
	Addr string
	// From is the sender.
	From Address
	// Username and Password, where set, are used once the connection is
	// encrypted; without encryption only to a server on this host.
	Username string
	Password string
	// TLS configures STARTTLS, which is used whenever the server offers it. Nil
	// means the system's certificate authorities.
	TLS *tls.Config
}

var _ Mailer = (*SMTP)(nil)

// Send delivers m to the server. It takes no longer than ctx allows.
func (s *SMTP) Send(ctx context.Context, m Mail) error {
	host, _, err := net.SplitHostPort(s.Addr)
	if err != nil {
		return fmt.Errorf("mail server address %q: %w", s.Addr, err)
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", s.Addr)
	if err != nil {
		return fmt.Errorf("connect to mail server %s: %w", s.Addr, err)
	}
	// net/smtp knows no contexts: the end of ctx ends whatever it waits for.
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()

	err = s.converse(conn, host, m)
	if err != nil && ctx.Err() != nil {
		return fmt.Errorf("send mail by %s: %w: %w", s.Addr, context.Cause(ctx), err)
	}
	if err != nil {
		return fmt.Errorf("send mail by %s: %w", s.Addr, err)
	}
	return nil
}

// converse speaks SMTP on conn and closes it.
func (s *SMTP) converse(conn net.Conn, host string, m Mail) error {
	c, err := smtp.NewClient(conn, host)
	if err != nil {
		return errors.Join(err, conn.Close())
	}
	defer func() { _ = c.Close() }() // what matters was answered before
	if err := s.login(c, host); err != nil {
		return err
	}
	if err := c.Mail(string(s.From)); err != nil {
		return fmt.Errorf("sender: %w", err)
	}
	if err := c.Rcpt(string(m.To)); err != nil {
		return final(err)
	}
	w, err := c.Data()
	if err != nil {
		return final(err)
	}
	if _, err := w.Write(m.Compose(s.From)); err != nil {
		return err
	}
	if err := w.Close(); err != nil { // the server's answer to the whole mail
		return final(err)
	}
	_ = c.Quit() // the server has the mail, whatever it says now
	return nil
}

// login encrypts and authenticates, where that is asked for. Its errors are not
// final: they speak of the configuration, not of the mail.
func (s *SMTP) login(c *smtp.Client, host string) error {
	if ok, _ := c.Extension("STARTTLS"); ok {
		cfg := &tls.Config{MinVersion: tls.VersionTLS12}
		if s.TLS != nil {
			cfg = s.TLS.Clone()
		}
		cfg.ServerName = host
		if err := c.StartTLS(cfg); err != nil {
			return fmt.Errorf("STARTTLS: %w", err)
		}
	}
	if s.Username == "" {
		return nil
	}
	if err := c.Auth(smtp.PlainAuth("", s.Username, s.Password, host)); err != nil {
		return fmt.Errorf("log in: %w", err)
	}
	return nil
}

// final turns a permanent negative reply (RFC 5321, 4.2.1) into a [*Refused].
func final(err error) error {
	var reply *textproto.Error
	if errors.As(err, &reply) && reply.Code >= 500 {
		return &Refused{Code: reply.Code, Reply: reply.Msg}
	}
	return err
}
