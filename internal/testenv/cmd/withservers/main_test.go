package main

import (
	"bufio"
	"bytes"
	"context"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// patience is how long the command may take; it starts PostgreSQL at most.
const patience = 2 * time.Minute

// asCommand makes this test binary be withservers.
const asCommand = "LABAN_WITHSERVERS_TEST_AS_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// withservers returns a command that runs withservers, with a Jaeger that is
// named already.
func withservers(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	program, err := os.Executable()
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = append(os.Environ(), asCommand+"=1",
		"LABAN_TEST_JAEGER_QUERY_URL=http://named", "LABAN_TEST_JAEGER_OTLP_URL=http://named")
	return cmd
}

func exitStatus(t *testing.T, err error) int {
	t.Helper()
	if err == nil {
		return 0
	}
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit)
	return exit.ExitCode()
}

func TestTheCommandsExitStatusIsPassedOn(t *testing.T) {
	for script, want := range map[string]int{"exit 0": 0, "exit 7": 7, "kill -KILL $$": 128 + 9} {
		err := withservers(t, "-jaeger", "--", "sh", "-c", script).Run()
		require.Equal(t, want, exitStatus(t, err), script)
	}
}

func TestAServerThatIsNamedIsUsed(t *testing.T) {
	out, err := withservers(t, "-jaeger", "sh", "-c", "echo $LABAN_TEST_JAEGER_QUERY_URL").Output()
	require.NoError(t, err)
	require.Equal(t, "http://named\n", string(out))
}

func TestServersAreStartedAndEnded(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a server; not run with -short")
	}
	cmd := withservers(t, "-postgresql", "sh", "-c", "echo $LABAN_TEST_POSTGRES_URL")
	cmd.Env = append(cmd.Env, "LABAN_TEST_POSTGRES_URL=") // also where make test has named one
	out, err := cmd.Output()
	require.NoError(t, err)
	url := strings.TrimSpace(string(out))
	require.Contains(t, url, "postgres://")
	_, err = pgx.Connect(t.Context(), url)
	require.ErrorContains(t, err, "connection refused", "it has ended")
}

func TestSignalsArePassedOn(t *testing.T) {
	cmd := withservers(t, "-jaeger", "sh", "-c", `trap "exit 9" TERM; echo ready; while :; do sleep 0.05; done`)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "ready\n", line)

	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	require.Equal(t, 9, exitStatus(t, cmd.Wait()))
}

func TestMissingServersAreListed(t *testing.T) {
	home := t.TempDir()
	cmd := withservers(t, "-missing")
	cmd.Env = append(cmd.Env, "HOME="+home, "XDG_CACHE_HOME=", "LABAN_JAEGER_BIN=", "PATH="+home,
		"LABAN_TEST_AMQP_URL=amqp://named", "LABAN_TEST_POSTGRES_URL=postgres://named")
	named, err := cmd.Output()
	require.NoError(t, err)
	require.Empty(t, string(named), "what is named is not missing")

	cmd = withservers(t, "-missing")
	cmd.Env = append(cmd.Env, "HOME="+home, "XDG_CACHE_HOME=", "LABAN_JAEGER_BIN=", "PATH="+home, "LABAN_TEST_JAEGER_QUERY_URL=",
		"LABAN_TEST_AMQP_URL=amqp://named", "LABAN_TEST_POSTGRES_URL=postgres://named")
	missing, err := cmd.Output()
	require.NoError(t, err)
	require.Regexp(t, "^jaeger v[0-9.]+ "+home+"/.+/jaeger-v[0-9.]+\n$", string(missing))
}

func TestMistakesAreSaid(t *testing.T) {
	for _, args := range [][]string{{}, {"-jaeger"}, {"-oracle", "true"}, {"-jaeger", "/nowhere/command"}} {
		cmd := withservers(t, args...)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		require.Equal(t, failed, exitStatus(t, cmd.Run()), "%q", args)
		require.Contains(t, stderr.String(), "withservers: ", "%q", args)
	}
}
