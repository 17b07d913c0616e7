package mailcatcher_test

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/smtp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/laban-io/laban/internal/mailcatcher"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start returns a catcher, and where it takes mail.
func start(t *testing.T) (c *mailcatcher.Catcher, address string) {
	t.Helper()
	c = &mailcatcher.Catcher{}
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	server := c.SMTP()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(listener)
	}()
	t.Cleanup(func() {
		_ = server.Close()
		<-done
	})
	return c, listener.Addr().String()
}

func send(t *testing.T, address, text string) {
	t.Helper()
	require.NoError(t, smtp.SendMail(address, nil, "laban@localhost", []string{"on-call@localhost"}, []byte(strings.ReplaceAll(text, "\n", "\r\n"))))
}

func ask(t *testing.T, c *mailcatcher.Catcher, path string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	c.Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, http.NoBody))
	return w
}

// alertmanagers is a mail as Alertmanager sends it.
const alertmanagers = `From: laban@localhost
To: on-call@localhost
Subject: =?utf-8?q?=5BCRITICAL=5D_LabanFlowStalled:_caf=C3=A9?=
MIME-Version: 1.0
Content-Type: multipart/alternative;  boundary=abc

--abc
Content-Transfer-Encoding: quoted-printable
Content-Type: text/plain; charset=UTF-8

1 flow of order waits for payment to emit payment.confirmed or payment.reje=
cted. All of them: http://localhost:7070/?choreography=3Dorder
--abc
Content-Transfer-Encoding: base64
Content-Type: text/html; charset=UTF-8

PHA+MSBmbG93PC9wPgo=
--abc--
`

func TestAMailIsShownAsItReads(t *testing.T) {
	c, address := start(t)
	send(t, address, alertmanagers)

	var list struct {
		Total    int
		Messages []struct {
			ID, Subject, Snippet string
			To                   []mailcatcher.Address
		}
	}
	require.NoError(t, json.Unmarshal(ask(t, c, "/api/v1/messages").Body.Bytes(), &list))
	require.Equal(t, 1, list.Total)
	require.Equal(t, "[CRITICAL] LabanFlowStalled: café", list.Messages[0].Subject)
	require.Equal(t, []mailcatcher.Address{{Address: "on-call@localhost"}}, list.Messages[0].To)

	var mail mailcatcher.Mail
	require.NoError(t, json.Unmarshal(ask(t, c, "/api/v1/message/"+list.Messages[0].ID).Body.Bytes(), &mail))
	require.Equal(t, "1 flow of order waits for payment to emit payment.confirmed or payment.rejected. All of them: http://localhost:7070/?choreography=order", strings.TrimSpace(mail.Text))
	require.Equal(t, "<p>1 flow</p>\n", mail.HTML)

	require.Contains(t, ask(t, c, "/").Body.String(), "/view/"+mail.ID)
	page := ask(t, c, "/view/"+mail.ID).Body.String()
	require.Contains(t, page, "1 flow of order waits for payment")
	require.Contains(t, page, `<a href="http://localhost:7070/?choreography=order">`, "what it links to can be followed")
	require.Equal(t, http.StatusOK, ask(t, c, "/readyz").Code)
}

func TestNothingInAMailIsRun(t *testing.T) {
	c, address := start(t)
	send(t, address, "Subject: <script>a</script>\nContent-Type: text/html\n\n<script>b</script><img src=http://x/>")
	send(t, address, "Subject: x\n\n<script>c</script> http://x/\"onload=<img>")
	mails, _ := c.Mails("", 2)
	for _, path := range []string{"/", "/view/" + mails[0].ID, "/view/" + mails[1].ID} {
		page := ask(t, c, path)
		require.NotContains(t, page.Body.String(), "<script>")
		require.NotContains(t, page.Body.String(), "<img")
		require.Contains(t, page.Header().Get("Content-Security-Policy"), "default-src 'none'")
	}
}

func TestWhatIsNoMailIsKeptAllTheSame(t *testing.T) {
	c, address := start(t)
	for _, text := range []string{
		"no header at all", "Content-Type: multipart/mixed\n\nno boundary",
		"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Transfer-Encoding: base64\n\n!!!\n--b--",
		"Subject: =?utf-8?q?=ZZ?=\nFrom: @@\n\nx",
	} {
		send(t, address, text)
		mails, _ := c.Mails("", 1)
		require.Equal(t, http.StatusOK, ask(t, c, "/view/"+mails[0].ID).Code)
	}
	_, total := c.Mails("", 1)
	require.Equal(t, 4, total)
	require.Equal(t, http.StatusNotFound, ask(t, c, "/view/nobody").Code)
	require.Equal(t, http.StatusNotFound, ask(t, c, "/api/v1/message/nobody").Code)
}

func TestTheNewestAreKept(t *testing.T) {
	c, address := start(t)
	client, err := smtp.Dial(address)
	require.NoError(t, err)
	send(t, address, "Subject: of on-call\nTo: on-call@localhost\n\n")
	const many = 503
	for i := range many {
		require.NoError(t, client.Mail("a@localhost"))
		require.NoError(t, client.Rcpt("b@shop.example"))
		w, err := client.Data()
		require.NoError(t, err)
		_, err = fmt.Fprintf(w, "Subject: %d\r\n\r\n.", i)
		require.NoError(t, err)
		require.NoError(t, w.Close())
	}
	require.NoError(t, client.Quit())
	mails, total := c.Mails("", 2*many)
	require.Equal(t, many+1, total)
	require.Len(t, mails, 501)
	require.Equal(t, "502", mails[0].Subject)
	require.Equal(t, "3", mails[499].Subject)
	require.Equal(t, []mailcatcher.Address{{Address: "b@shop.example"}}, mails[0].To, "of the envelope, where the header has none")
	require.Equal(t, "of on-call", mails[500].Subject, "others do not drive it out")
	require.Equal(t, []string{"localhost", "shop.example"}, c.Domains())
	page := ask(t, c, "/?to=localhost").Body.String()
	require.Contains(t, page, "of on-call")
	require.NotContains(t, page, ">502<")
	// However many domains there are, what is kept is bounded.
	for i := range 30 {
		require.NoError(t, smtp.SendMail(address, nil, "a@localhost", []string{fmt.Sprintf("a@%d.example", i)}, []byte("\r\n")))
	}
	require.Len(t, c.Domains(), 21)
}

func TestAMailMayNotBeTooLarge(t *testing.T) {
	c, address := start(t)
	err := smtp.SendMail(address, nil, "a@localhost", []string{"b@localhost"}, []byte("Subject: x\r\n\r\n"+strings.Repeat("x\r\n", 1<<20)))
	require.Error(t, err)
	_, total := c.Mails("", 1)
	require.Zero(t, total)
}
