package client

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/laban-io/laban/internal/observer/api"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// served returns a client of a server that answers with f.
func served(t *testing.T, token string, f http.HandlerFunc) *Client {
	t.Helper()
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	c, err := New(server.URL+"/below/", token)
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

func TestAddresses(t *testing.T) {
	for _, address := range []string{"127.0.0.1:7070", "http://observer:7070", "https://observer.example/laban", "http://[::1]:7070"} {
		_, err := New(address, "")
		require.NoError(t, err, address)
	}
	for _, address := range []string{"", "http://", "ftp://observer", "http://a b", "http://user:secret@%zz"} {
		_, err := New(address, "")
		require.ErrorContains(t, err, "is no address of an observer: say one such as http://127.0.0.1:7070", address)
		require.NotContains(t, err.Error(), "secret")
	}
}

func TestIDsStayOneSegment(t *testing.T) {
	var asked string
	c := served(t, "", func(w http.ResponseWriter, r *http.Request) {
		asked = r.URL.EscapedPath()
		_, _ = io.WriteString(w, "{}")
	})
	_, err := c.Flow(context.Background(), "order", "a/b ?#../x@12")
	require.NoError(t, err)
	require.Equal(t, "/below/api/v1/flows/a%2Fb%20%3F%23..%2Fx@12", asked)
	for _, id := range []string{"", ".", ".."} {
		_, err = c.CloseFlow(context.Background(), "", id, "x", "")
		require.ErrorContains(t, err, "no address can have")
	}
}

func TestTheTokenStaysWithTheObserver(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("followed a redirect with %q", r.Header.Get("Authorization"))
	}))
	defer elsewhere.Close()
	c := served(t, "secret", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
	})
	_, err := c.Status(context.Background())
	require.ErrorContains(t, err, "is no observer of this version")
	require.NotContains(t, err.Error(), "secret")
}

func TestAStreamMayEndInSeveralWays(t *testing.T) {
	const one = "event: transition\ndata: {\"kind\":\"started\"}\n\n"
	for stream, want := range map[string]string{
		one + "event: bye\ndata: {\"reason\":\"over\"}\n\n" + one:      "over",
		one + "event: cut-off\ndata: {\"reason\":\"slow\\u001b\"}\n\n": "slow\uFFFD",
		one + "event: cut-off\ndata: x\n\n":                            "cut-off",
		one:                                                            "the observer has hung up",
		one + "event: transition\ndata: [\n\n":                         "the observer sends what this version can't read",
		one + "data: " + strings.Repeat("x", maxLine+1):                "bufio.Scanner: token too long",
	} {
		n := 0
		err := events(strings.NewReader(stream), func() {}, func(t api.Transition) error { n++; return nil })
		require.EqualError(t, err, want)
		require.Equal(t, 1, n)
	}
	stop := errors.New("enough")
	require.ErrorIs(t, events(strings.NewReader(one+one), func() {}, func(api.Transition) error { return stop }), stop)
}

func TestAnAnswerThatIsNoStreamIsRefused(t *testing.T) {
	c := served(t, "", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "{}") })
	err := c.Follow(context.Background(), Filter{}, nil, func() { t.Error("connected") }, nil)
	require.ErrorContains(t, err, "is no observer")
}

// No stream panics, and each ends with an error.
func FuzzEvents(f *testing.F) {
	f.Add([]byte("event: transition\ndata: {\"kind\":\"started\",\"for\":[\"a\"]}\n\n: beat\n\nevent: bye\ndata: {}\n\n"))
	f.Add([]byte("data\n\nevent\n\n:\n\n\r\ndata:{}\r\n\r\n"))
	f.Fuzz(func(t *testing.T, stream []byte) {
		if err := events(bytes.NewReader(stream), func() {}, func(api.Transition) error { return nil }); err == nil {
			t.Fatal("a stream ended without an error")
		}
	})
}
