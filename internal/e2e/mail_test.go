package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// mail is one that the mail catcher has.
type mail struct {
	ID, Subject, Text string
	From              struct{ Address string }
	To                []struct{ Address string }
}

// mails returns those whose subject begins so, to that address or, where it is
// empty, to any.
func (s system) mails(t testing.TB, to, subject string) []mail {
	t.Helper()
	var list struct {
		Messages []mail `json:"messages"`
	}
	get(t, s.URL("MAILPIT_PORT")+"/api/v1/messages", &list)
	var found []mail
	for _, m := range list.Messages {
		if strings.HasPrefix(m.Subject, subject) && len(m.To) > 0 && (to == "" || m.To[0].Address == to) {
			get(t, s.URL("MAILPIT_PORT")+"/api/v1/message/"+m.ID, &m)
			found = append(found, m)
		}
	}
	return found
}

// awaitMail waits for a mail, and holds its text to an expression.
func (s system) awaitMail(t *testing.T, to, subject, text string) {
	t.Helper()
	var found []mail
	require.Eventually(t, func() bool {
		found = s.mails(t, to, subject)
		return len(found) > 0
	}, 2*time.Minute, 500*time.Millisecond, "no mail to %s begins with %q", to, subject)
	require.Regexp(t, text, found[0].Text)
}

// showMails writes down what on-call was sent, to be read by people.
func (s system) showMails(t *testing.T) {
	t.Helper()
	for _, m := range s.mails(t, "", "[") {
		t.Logf("to %s: %s\n%s", m.To[0].Address, m.Subject, m.Text)
	}
}
