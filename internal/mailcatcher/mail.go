package mailcatcher

import (
	"bytes"
	"encoding/base64"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"strings"
	"time"
)

// Address is one person's. The names of fields are those of Mailpit's API, here
// and below.
type Address struct {
	Name    string
	Address string
}

// Mail is one that was caught.
type Mail struct {
	ID      string
	From    Address
	To      []Address
	Subject string
	// Created is when it came.
	Created time.Time
	// Text and HTML are the bodies of those kinds; either may be empty.
	Text, HTML string
	// Size is that of the mail as it came, in bytes.
	Size int

	domain string // of the first recipient
}

// depth is how many parts within parts are looked into.
const depth = 5

// parse reads a mail. What is wrong with it leaves it with less in it, since a
// mail that can't be read is what somebody looks for here.
func parse(raw []byte) Mail {
	m := Mail{Size: len(raw)}
	message, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		m.Subject, m.Text = "(a mail that can't be read: "+err.Error()+")", string(raw)
		return m
	}
	words := mime.WordDecoder{}
	m.Subject = message.Header.Get("Subject")
	if decoded, err := words.DecodeHeader(m.Subject); err == nil {
		m.Subject = decoded
	}
	m.From = addresses(message.Header.Get("From"))[0]
	m.To = addresses(message.Header.Get("To"))
	m.take(message.Header.Get("Content-Type"), message.Header.Get("Content-Transfer-Encoding"), message.Body, 0)
	return m
}

// addresses returns those of a header, at least one.
func addresses(header string) []Address {
	parsed, err := mail.ParseAddressList(header)
	if err != nil || len(parsed) == 0 {
		return []Address{{Address: header}}
	}
	all := make([]Address, len(parsed))
	for i, a := range parsed {
		all[i] = Address(*a)
	}
	return all
}

// take reads a body, or the parts of which it consists.
func (m *Mail) take(contentType, encoding string, body io.Reader, level int) {
	kind, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		kind = "text/plain" // as RFC 2045 has it, section 5.2
	}
	if strings.HasPrefix(kind, "multipart/") && level < depth {
		parts := multipart.NewReader(body, params["boundary"])
		for {
			part, err := parts.NextRawPart()
			if err != nil {
				return
			}
			m.take(part.Header.Get("Content-Type"), part.Header.Get("Content-Transfer-Encoding"), part, level+1)
		}
	}
	switch strings.ToLower(encoding) {
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	}
	content, _ := io.ReadAll(body) // what can't be decoded ends it
	text := strings.ReplaceAll(string(content), "\r\n", "\n")
	switch {
	case kind == "text/html" && m.HTML == "":
		m.HTML = text
	case kind == "text/plain" && m.Text == "":
		m.Text = text
	}
}
