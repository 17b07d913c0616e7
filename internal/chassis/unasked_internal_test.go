package chassis

import (
	"net"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestAConnectionThatAskedNothingDoesNotHoldUpTheStop: clients open connections
// ahead of need, and net/http would wait five seconds for a request on one,
// which is longer than a quarter of this drain time.
func TestAConnectionThatAskedNothingDoesNotHoldUpTheStop(t *testing.T) {
	r := startRun(t, testSpec(quiet), Options{DrainTimeout: 4 * time.Second})
	r.waitStarted()
	address, err := url.Parse(r.url)
	require.NoError(t, err)
	unasked, err := net.Dial("tcp", address.Host)
	require.NoError(t, err)
	defer unasked.Close()
	r.get("/healthz") // accepted after it, so the server knows both
	r.end()
	require.NoError(t, r.waitStopped())
}
