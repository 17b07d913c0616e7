// Package mailer composes and sends the mails of the notification service:
// plain text, to one address, from one address.
//
// What goes into a mail may come from anybody, so it is composed strictly:
// addresses are checked by [ParseAddress], header values are encoded, and
// control characters are dropped. Nothing in a mail can add a header, a
// recipient or an SMTP command.
package mailer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"mime"
	"mime/quotedprintable"
	"net/mail"
	"strings"
	"time"
	"unicode"
)

// Mailer sends mails. It is safe for concurrent use.
//
// An error is either a [*Refused], which is final, or means that nobody knows
// whether the mail was sent: send it again, with the same ID.
type Mailer interface {
	Send(ctx context.Context, m Mail) error
}

// Mail is one mail.
type Mail struct {
	// ID is the left part of the Message-ID, the same for each attempt to send
	// this mail, by which mail systems tell a copy. Letters, digits and dots.
	ID string
	// To is the recipient, as [ParseAddress] returns it.
	To Address
	// Subject is one line of text.
	Subject string
	// Text is the body; its lines end in "\n".
	Text string
	// Date is what the mail says it was written at.
	Date time.Time
}

// Refused is the mail server's final no to this mail.
type Refused struct {
	// Code is SMTP's reply code, from 500 on.
	Code int
	// Reply is the server's text.
	Reply string
}

// Error says what the server said.
func (r *Refused) Error() string {
	return fmt.Sprintf("the mail server refused the mail: %d %s", r.Code, r.Reply)
}

// Address is a mail address in the form local@domain that is safe to write
// into headers and SMTP commands.
type Address string

// Domain returns the part after the "@".
func (a Address) Domain() string { return string(a[strings.LastIndexByte(string(a), '@')+1:]) }

// maxAddress is the longest address that SMTP carries (RFC 5321, 4.5.3.1.3,
// less the angle brackets).
const maxAddress = 254

// ParseAddress checks an address. It takes what RFC 5322 calls a dot-atom on
// both sides, in ASCII, optionally in angle brackets behind a name, which is
// dropped. Quoted local parts and addresses that need SMTPUTF8 are refused: the
// first can smuggle SMTP parameters, the second few servers take. Whether the
// domain exists is for the mail server to say.
//
// Its error does not repeat the address.
func ParseAddress(s string) (Address, error) {
	parsed, err := mail.ParseAddress(s)
	if err != nil {
		return "", fmt.Errorf("not a mail address: %d bytes that can't be parsed", len(s))
	}
	local, domain, _ := strings.Cut(parsed.Address, "@")
	switch {
	case len(parsed.Address) > maxAddress:
		return "", fmt.Errorf("not a mail address: %d bytes long, at most %d are allowed", len(parsed.Address), maxAddress)
	case !isDotAtom(local) || !isDotAtom(domain):
		return "", errors.New("not a mail address: only ASCII letters, digits, dots and !#$%&'*+-/=?^_`{|}~ are allowed beside the @")
	}
	return Address(parsed.Address), nil
}

// isDotAtom tells whether s is words of ASCII with single dots between them
// (RFC 5322, 3.2.3). None of its characters means anything to SMTP.
func isDotAtom(s string) bool {
	for atom := range strings.SplitSeq(s, ".") {
		if atom == "" || strings.IndexFunc(atom, func(r rune) bool { return !isAtomText(r) }) >= 0 {
			return false
		}
	}
	return true
}

func isAtomText(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("!#$%&'*+-/=?^_`{|}~", r)
}

// MessageID returns the Message-ID of a mail sent from an address.
func (m Mail) MessageID(from Address) string { return "<" + m.ID + "@" + from.Domain() + ">" }

// Compose returns the mail as it travels (RFC 5322, MIME). The same mail from
// the same address is always the same bytes.
func (m Mail) Compose(from Address) []byte {
	var b bytes.Buffer
	header := func(name, value string) { fmt.Fprintf(&b, "%s: %s\r\n", name, value) }
	header("From", "<"+string(from)+">")
	header("To", "<"+string(m.To)+">")
	header("Subject", mime.QEncoding.Encode("utf-8", clean(m.Subject, "")))
	header("Date", m.Date.UTC().Format(time.RFC1123Z))
	header("Message-ID", m.MessageID(from))
	header("Auto-Submitted", "auto-generated") // RFC 3834: nobody's vacation notice answers
	header("MIME-Version", "1.0")
	header("Content-Type", "text/plain; charset=utf-8")
	header("Content-Transfer-Encoding", "quoted-printable")
	b.WriteString("\r\n")
	body := quotedprintable.NewWriter(&b)
	// Writing to a buffer can't fail.
	_, _ = body.Write([]byte(clean(m.Text, "\n")))
	_ = body.Close()
	return b.Bytes()
}

// clean drops control characters other than those kept, and ill-formed UTF-8.
func clean(s, kept string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && !strings.ContainsRune(kept, r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
}
