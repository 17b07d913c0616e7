package chassis

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// asServiceVar makes the test binary a service instead.
const asServiceVar = "LABAN_TEST_AS_SERVICE"

// stubbornSpec is a service that, asked to be stubborn, does not stop.
func stubbornSpec() Spec {
	settings := &struct {
		Stubborn bool `env:"STUBBORN" help:"do not stop"`
	}{}
	spec := testSpec(func(context.Context, Parts) (Service, error) {
		if !settings.Stubborn {
			return Service{}, nil
		}
		return Service{Close: func() error { select {} }}, nil
	})
	spec.Settings = settings
	spec.DefaultAddr = "127.0.0.1:0"
	return spec
}

// processRun is the test binary as a service.
type processRun struct {
	cmd    *exec.Cmd
	url    string
	output bytes.Buffer
	exited chan error
}

// startProcess starts the test binary as a service that has no broker.
func startProcess(t *testing.T, environ ...string) *processRun {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	addr := freeAddr(t)
	p := &processRun{url: "http://" + addr, exited: make(chan error, 1), cmd: exec.Command(self)}
	p.cmd.Dir = t.TempDir()
	p.cmd.Stdout, p.cmd.Stderr = &p.output, &p.output
	p.cmd.Env = append([]string{
		asServiceVar + "=1", "HTTP_ADDR=" + addr, "AMQP_URL=amqp://guest:hunter2@" + freeAddr(t) + "/",
		"DRAIN_TIMEOUT=2s", "OTEL_SDK_DISABLED=true",
	}, environ...)
	require.NoError(t, p.cmd.Start())
	go func() { p.exited <- p.cmd.Wait() }()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill() // where it is still there
		select {
		case err := <-p.exited:
			p.exited <- err
		case <-time.After(soon):
			t.Error("the process can't be killed")
		}
	})
	return p
}

// freeAddr returns an address on which nobody listens.
func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	return l.Addr().String()
}

// waitExit returns the exit status and what was written.
func (p *processRun) waitExit(t *testing.T) (int, string) {
	t.Helper()
	select {
	case err := <-p.exited:
		p.exited <- err
		return p.cmd.ProcessState.ExitCode(), p.output.String()
	case <-time.After(30 * time.Second):
		t.Fatal("the process does not end")
		return 0, ""
	}
}

func (p *processRun) get(path string) (int, string) {
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: soon}
	res, err := client.Get(p.url + path)
	if err != nil {
		return 0, err.Error()
	}
	defer res.Body.Close()
	text, _ := io.ReadAll(res.Body) // a broken body shows as text that does not match
	return res.StatusCode, string(text)
}

func (p *processRun) waitAlive(t *testing.T) {
	t.Helper()
	require.Eventually(t, func() bool { status, _ := p.get("/healthz"); return status == http.StatusOK }, soon, tick)
}

// TestAProcessWithoutABrokerIsAliveAndStops: it is alive, not ready and says
// why, and SIGTERM ends it with status 0. The default database is made.
func TestAProcessWithoutABrokerIsAliveAndStops(t *testing.T) {
	t.Parallel()
	p := startProcess(t)
	p.waitAlive(t)
	require.Eventually(t, func() bool {
		status, text := p.get("/readyz")
		return status == http.StatusServiceUnavailable && strings.Contains(text, `"database":"ok"`)
	}, soon, tick)
	_, text := p.get("/readyz")
	require.NotContains(t, text, `"broker":"ok"`)
	require.NoError(t, p.cmd.Process.Signal(syscall.SIGTERM))
	status, output := p.waitExit(t)
	require.Zero(t, status, output)
	require.Contains(t, output, "stopped")
	require.NotContains(t, output+text, "hunter2", "no password is shown")
	require.FileExists(t, filepath.Join(p.cmd.Dir, "data", "shop.db"))
}

// TestTheLastSpansAreExported: though the exporter would have waited for longer.
func TestTheLastSpansAreExported(t *testing.T) {
	t.Parallel()
	exported := make(chan string, 10)
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body) // what is missing does not match
		exported <- r.URL.Path + " " + string(body)
	}))
	defer collector.Close()
	p := startProcess(t, "OTEL_SDK_DISABLED=false", "OTEL_EXPORTER_OTLP_ENDPOINT="+collector.URL, "OTEL_BSP_SCHEDULE_DELAY=600000")
	p.waitAlive(t)
	require.Eventually(t, func() bool { status, _ := p.get("/somewhere"); return status == http.StatusNotFound }, soon, tick)
	require.Empty(t, exported)
	require.NoError(t, p.cmd.Process.Signal(syscall.SIGTERM))
	status, output := p.waitExit(t)
	require.Zero(t, status, output)
	require.NotEmpty(t, exported)
	request := <-exported
	require.True(t, strings.HasPrefix(request, "/v1/traces "), "%q", request)
	require.Contains(t, request, "/somewhere")
}

// TestASecondSignalEndsTheProcessAtOnce: also where stopping hangs.
func TestASecondSignalEndsTheProcessAtOnce(t *testing.T) {
	t.Parallel()
	p := startProcess(t, "STUBBORN=true")
	p.waitAlive(t)
	require.Eventually(t, func() bool {
		_, text := p.get("/readyz")
		return strings.Contains(text, `"phase":"serving"`)
	}, soon, tick)
	require.NoError(t, p.cmd.Process.Signal(syscall.SIGINT))
	require.Eventually(t, func() bool { status, _ := p.get("/healthz"); return status == 0 }, soon, tick, "it begins to stop")
	require.NoError(t, p.cmd.Process.Signal(syscall.SIGINT))
	status, output := p.waitExit(t)
	require.Equal(t, 130, status, "the second signal ended it, not the first: %s", output)
	require.Contains(t, output, "again: ending at once")
}

func TestAWrongEnvironmentIsStatus2(t *testing.T) {
	t.Parallel()
	for variable, want := range map[string]string{
		"LOG_LEVEL=loud": "LOG_LEVEL", "AMQP_URL=http://guest:hunter2@h/": "AMQP_URL", "STUBBORN=perhaps": "STUBBORN",
	} {
		status, output := startProcess(t, variable).waitExit(t)
		require.Equal(t, 2, status, output)
		require.Contains(t, output, want)
		require.NotContains(t, output, "hunter2")
	}
}

func TestATakenAddressIsStatus2(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	status, output := startProcess(t, fmt.Sprint("HTTP_ADDR=", l.Addr())).waitExit(t)
	require.Equal(t, 2, status, output)
	require.Contains(t, output, "is another instance running?")
}
