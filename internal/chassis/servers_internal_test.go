package chassis

import (
	"encoding/json"
	"net/http"
	"net/url"
	"syscall"
	"testing"
	"time"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/testenv"
)

// readiness is what /readyz says.
func (p *processRun) readiness() (int, report) {
	status, text := p.get("/readyz")
	var what report
	_ = json.Unmarshal([]byte(text), &what) // where nobody answers it stays empty
	return status, what
}

// waitFor waits until /readyz says so.
func (p *processRun) waitFor(t *testing.T, what string, says func(status int, r report) bool) {
	t.Helper()
	require.Eventually(t, func() bool { return says(p.readiness()) }, time.Minute, 50*time.Millisecond, what)
}

// TestAProcessOutlivesItsServers starts a service before its database and its
// broker, and takes each away while it runs. It is alive throughout, and ready
// exactly while both are there.
func TestAProcessOutlivesItsServers(t *testing.T) {
	broker := testenv.PrivateRabbitMQ(t)
	broker.Stop(t)
	databaseURL, err := url.Parse(testenv.PostgreSQL(t))
	require.NoError(t, err)
	database := toxiproxy.NewProxy(toxiproxy.NewServer(toxiproxy.NewMetricsContainer(prometheus.NewRegistry()), zerolog.Nop()),
		t.Name(), freeAddr(t), databaseURL.Host)
	t.Cleanup(database.Stop)
	databaseURL.Host = database.Listen

	p := startProcess(t, "AMQP_URL="+broker.URL, "DATABASE_URL="+databaseURL.String())
	ready := func(status int, _ report) bool { return status == http.StatusOK }
	without := func(name, other string) func(int, report) bool {
		return func(status int, r report) bool {
			return status == http.StatusServiceUnavailable && r.Checks[name] != "ok" && r.Checks[other] == "ok"
		}
	}
	p.waitAlive(t)
	p.waitFor(t, "it waits for both", func(status int, r report) bool {
		return status == http.StatusServiceUnavailable && r.Phase == "starting" && r.Checks[checkBroker] != "ok" && r.Checks[checkDatabase] != "ok"
	})
	require.NoError(t, database.Start())
	p.waitFor(t, "the database has come", without(checkBroker, checkDatabase))
	broker.Start(t)
	p.waitFor(t, "both have come", ready)

	broker.Stop(t)
	p.waitFor(t, "the broker has gone", without(checkBroker, checkDatabase))
	broker.Start(t)
	p.waitFor(t, "the broker is back", ready)

	database.Stop()
	p.waitFor(t, "the database has gone", without(checkDatabase, checkBroker))
	status, _ := p.get("/healthz")
	require.Equal(t, http.StatusOK, status)
	require.NoError(t, database.Start())
	p.waitFor(t, "the database is back", ready)

	require.NoError(t, p.cmd.Process.Signal(syscall.SIGTERM))
	status, output := p.waitExit(t)
	require.Zero(t, status, output)
	if password, ok := databaseURL.User.Password(); ok && password != "" {
		require.NotContains(t, output, ":"+password+"@")
	}
}
