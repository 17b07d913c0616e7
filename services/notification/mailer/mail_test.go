package mailer_test

import (
	"bytes"
	"io"
	"log/slog"
	"mime"
	"mime/quotedprintable"
	"net/mail"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/laban-io/laban/services/notification/mailer"
)

func TestAddresses(t *testing.T) {
	for text, want := range map[string]mailer.Address{
		"jane@example.com":              "jane@example.com",
		" jane@example.com ":            "jane@example.com",
		"Jane Doe <jane@example.com>":   "jane@example.com",
		"o'brien+shop@mail.example.org": "o'brien+shop@mail.example.org",
		"jane@my_host":                  "jane@my_host",
	} {
		got, err := mailer.ParseAddress(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got)
	}
	for _, text := range []string{
		"", "jane", "@example.com", "jane@", "jane@example..com", "jane@[127.0.0.1]",
		"a@example.com, b@example.com",
		"jane@example.com\r\nBcc: all@example.com",
		`"x> NOTIFY=NEVER <y"@example.com`,
		`"a b"@example.com`,
		"jané@example.com", "jane@exämple.com",
		strings.Repeat("x", 250) + "@example.com",
	} {
		_, err := mailer.ParseAddress(text)
		require.Error(t, err, text)
		if text != "" {
			require.NotContains(t, err.Error(), text)
		}
	}
}

func TestAMailIsReadAsItWasWritten(t *testing.T) {
	m := letter()
	m.Subject = "Grüße: your order"
	m.Text = "Hello,\n\nüber " + strings.Repeat("long ", 50) + "\nend = fine\n"
	read, err := mail.ReadMessage(bytes.NewReader(m.Compose("orders@shop.example")))
	require.NoError(t, err)
	require.Equal(t, "<jane@example.com>", read.Header.Get("To"))
	require.Equal(t, "<orders@shop.example>", read.Header.Get("From"))
	require.Equal(t, "<f00d@shop.example>", read.Header.Get("Message-ID"))
	subject, err := new(mime.WordDecoder).DecodeHeader(read.Header.Get("Subject"))
	require.NoError(t, err)
	require.Equal(t, m.Subject, subject)
	date, err := read.Header.Date()
	require.NoError(t, err)
	require.True(t, date.Equal(m.Date))
	body, err := io.ReadAll(quotedprintable.NewReader(read.Body))
	require.NoError(t, err)
	require.Equal(t, m.Text, strings.ReplaceAll(string(body), "\r\n", "\n"))
}

// Whatever people write, a mail has the headers it is meant to have, one
// recipient, and lines that mail servers take.
func TestNothingInAMailAddsAHeader(t *testing.T) {
	hostile := rapid.OneOf(rapid.String(), rapid.StringOf(rapid.RuneFrom([]rune("\r\n\x00:<>@ aB=.?\u2028\u0085"))),
		rapid.Just("x\r\nBcc: all@example.com\r\n\r\nhello"))
	rapid.Check(t, func(t *rapid.T) {
		m := mailer.Mail{ID: "f00d", To: "jane@example.com", Subject: hostile.Draw(t, "subject"), Text: hostile.Draw(t, "text"), Date: time.Unix(1, 0)}
		raw := m.Compose("orders@shop.example")
		read, err := mail.ReadMessage(bytes.NewReader(raw))
		require.NoError(t, err)
		require.Len(t, read.Header, 9)
		for name, values := range read.Header {
			require.Len(t, values, 1, name)
		}
		head, _, _ := bytes.Cut(raw, []byte("\r\n\r\n"))
		require.NotContains(t, strings.ReplaceAll(string(head), "\r\n", ""), "\n")
		for line := range strings.SplitSeq(string(raw), "\r\n") {
			require.LessOrEqual(t, len(line), 998, "RFC 5322, 2.1.1")
			require.NotContains(t, line, "\r")
			require.NotContains(t, line, "\n")
		}
		require.Equal(t, raw, m.Compose("orders@shop.example"))
	})
}

func TestThePrinterWritesOneLine(t *testing.T) {
	var b bytes.Buffer
	p := mailer.Printer{Log: slog.New(slog.NewTextHandler(&b, nil))}
	require.NoError(t, p.Send(t.Context(), letter()))
	require.Equal(t, 1, strings.Count(b.String(), "\n"))
	require.Contains(t, b.String(), "to=jane@example.com")
	require.Contains(t, b.String(), `subject="We shipped your order 1042"`)
	require.NotContains(t, b.String(), "on its way")
}
