package mailer_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"net"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/services/notification/mailer"
)

func letter() mailer.Mail {
	return mailer.Mail{
		ID: "f00d", To: "jane@example.com", Subject: "We shipped your order 1042",
		Text: "Hello,\n\nyour order is on its way.\n.\nA line with one dot came before.\n",
		Date: time.Date(2026, 3, 1, 12, 30, 0, 0, time.UTC),
	}
}

func TestSMTPDeliversTheMail(t *testing.T) {
	s := (&server{}).start(t)
	m := &mailer.SMTP{Addr: s.addr, From: "orders@shop.example"}
	require.NoError(t, m.Send(t.Context(), letter()))

	commands, mails := s.saw()
	require.Contains(t, commands, "MAIL FROM:<orders@shop.example> BODY=8BITMIME")
	require.Contains(t, commands, "RCPT TO:<jane@example.com>")
	require.Equal(t, []string{string(letter().Compose("orders@shop.example"))}, mails)
	require.Contains(t, mails[0], "\r\n.\r\nA line with one dot")
}

func TestSMTPTellsAFinalNoFromATemporaryOne(t *testing.T) {
	for _, test := range []struct {
		command, reply string
		final          bool
	}{
		{"RCPT", "550 no such user", true},
		{"RCPT", "450 mailbox busy", false},
		{"DATA", "554 no mail from you", true},
		{".", "552 too large", true},
		{".", "451 disk full", false},
		{"MAIL", "550 unknown sender", false}, // the configuration's fault, not the mail's
		{"greeting", "554 not now", false},
	} {
		t.Run(test.command+" "+test.reply, func(t *testing.T) {
			s := (&server{replies: map[string]string{test.command: test.reply}}).start(t)
			err := (&mailer.SMTP{Addr: s.addr, From: "orders@shop.example"}).Send(t.Context(), letter())
			require.Error(t, err)
			var no *mailer.Refused
			if test.final {
				require.ErrorAs(t, err, &no)
				require.ErrorContains(t, err, test.reply)
			} else {
				require.NotErrorAs(t, err, &no)
			}
		})
	}
}

func TestAMailThatTheServerTookIsSentWhateverQuitSays(t *testing.T) {
	s := (&server{replies: map[string]string{"QUIT": "421 too late"}}).start(t)
	require.NoError(t, (&mailer.SMTP{Addr: s.addr, From: "orders@shop.example"}).Send(t.Context(), letter()))
}

func TestSMTPDoesNotOutliveItsContext(t *testing.T) {
	for _, silent := range []string{"greeting", "RCPT", "."} {
		t.Run(silent, func(t *testing.T) {
			s := (&server{replies: map[string]string{silent: ""}}).start(t)
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			err := (&mailer.SMTP{Addr: s.addr, From: "orders@shop.example"}).Send(ctx, letter())
			require.ErrorIs(t, err, context.DeadlineExceeded)
		})
	}
}

func TestSMTPSaysWhatCouldNotBeReached(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	err = (&mailer.SMTP{Addr: l.Addr().String(), From: "orders@shop.example"}).Send(t.Context(), letter())
	require.ErrorContains(t, err, "connect to mail server "+l.Addr().String())
}

func TestSMTPEncryptsBeforeItLogsIn(t *testing.T) {
	web := httptest.NewUnstartedServer(nil) // only for its certificate
	web.StartTLS()
	defer web.Close()
	trusted := x509.NewCertPool()
	trusted.AddCert(web.Certificate())

	s := (&server{tls: &tls.Config{Certificates: web.TLS.Certificates, MinVersion: tls.VersionTLS12}}).start(t)
	m := &mailer.SMTP{
		Addr: s.addr, From: "orders@shop.example", Username: "shop", Password: "sesame",
		TLS: &tls.Config{RootCAs: trusted, MinVersion: tls.VersionTLS12},
	}
	require.NoError(t, m.Send(t.Context(), letter()))
	commands, mails := s.saw()
	require.Len(t, mails, 1)
	require.True(t, s.encrypted)
	require.Contains(t, commands, "AUTH PLAIN "+base64.StdEncoding.EncodeToString([]byte("\x00shop\x00sesame")))

	m.TLS = nil // the system's authorities don't know the certificate
	require.ErrorContains(t, m.Send(t.Context(), letter()), "STARTTLS")
	_, mails = s.saw()
	require.Len(t, mails, 1)
}

func TestSMTPKeepsThePasswordOutOfErrors(t *testing.T) {
	s := (&server{replies: map[string]string{"AUTH": "535 no"}}).start(t)
	m := &mailer.SMTP{Addr: s.addr, From: "orders@shop.example", Username: "shop", Password: "sesame"}
	err := m.Send(t.Context(), letter())
	require.ErrorContains(t, err, "log in")
	require.NotContains(t, err.Error(), "sesame")
}
