package server_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/laban-io/laban/internal/testenv/server"
)

// patience is how long a test waits for what must happen.
const patience = 20 * time.Second

// endsBy names how a process of this test binary is to end that has started
// servers.
const endsBy = "LABAN_SERVER_TEST_ENDS_BY"

func TestMain(m *testing.M) {
	if how := os.Getenv(endsBy); how != "" {
		abandonServers(how)
		return
	}
	goleak.VerifyTestMain(m)
}

// abandonServers starts servers, says where they are, and ends without closing
// them.
func abandonServers(how string) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	jaeger, err := server.StartJaeger(ctx)
	if err != nil {
		panic(err)
	}
	fmt.Println(jaeger.QueryURL())
	if how == "kill" {
		postgresql, err := server.StartPostgreSQL(ctx)
		if err != nil {
			panic(err)
		}
		rabbitmq, err := server.StartRabbitMQ(ctx)
		if err != nil {
			panic(err)
		}
		fmt.Println(postgresql.URL())
		fmt.Println(rabbitmq.URL())
		fmt.Println(rabbitmq.ManagementURL())
	}
	fmt.Println("started")
	switch how {
	case "kill":
		select {}
	case "panic":
		panic("as the test wants it")
	}
}

// Nothing may be left of servers whose process ended without closing them.
func TestServersEndWithTheProcessThatStartedThem(t *testing.T) {
	if testing.Short() {
		t.Skip("starts servers; not run with -short")
	}
	for _, how := range []string{"exit", "panic", "kill"} {
		t.Run(how, func(t *testing.T) {
			dir, err := os.MkdirTemp("", "laban-server-test-") //nolint:usetesting // PostgreSQL's user must be able to reach it
			require.NoError(t, err)
			defer func() { require.NoError(t, os.RemoveAll(dir)) }()
			require.NoError(t, os.Chmod(dir, 0o755))

			program, err := os.Executable()
			require.NoError(t, err)
			cmd := exec.CommandContext(t.Context(), program)
			cmd.Env = append(os.Environ(), endsBy+"="+how, "TMPDIR="+dir)
			out, err := cmd.StdoutPipe()
			require.NoError(t, err)
			require.NoError(t, cmd.Start())

			var addresses []string
			lines := bufio.NewScanner(out)
			for lines.Scan() && lines.Text() != "started" {
				u, err := url.Parse(lines.Text())
				require.NoError(t, err)
				addresses = append(addresses, u.Host)
			}
			require.Equal(t, "started", lines.Text())
			require.NotEmpty(t, addresses)
			if how == "kill" {
				require.Len(t, addresses, 4)
				for _, address := range addresses {
					require.True(t, listening(t, address), address)
				}
				found, err := filepath.Glob(dir + "/laban-*")
				require.NoError(t, err)
				require.Len(t, found, 3)
				require.NoError(t, cmd.Process.Kill())
			}
			_ = cmd.Wait() // it was killed, or panicked

			for _, address := range addresses {
				require.Eventually(t, func() bool { return !listening(t, address) }, patience, 20*time.Millisecond, address)
			}
			require.Eventually(t, func() bool {
				left, err := os.ReadDir(dir)
				require.NoError(t, err)
				return len(left) == 0
			}, patience, 20*time.Millisecond, "the servers' folders are removed")
		})
	}
}

func listening(t *testing.T, address string) bool {
	t.Helper()
	conn, err := (&net.Dialer{Timeout: time.Second}).DialContext(t.Context(), "tcp", address)
	if err != nil {
		return false
	}
	require.NoError(t, conn.Close())
	return true
}

// Whoever has none of the ways to a server is told all of them.
func TestAMissingServerSaysWhatToDo(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	t.Setenv("HOME", t.TempDir())
	t.Setenv("XDG_CACHE_HOME", "")
	t.Setenv("LABAN_JAEGER_BIN", "")
	_, err := server.StartJaeger(t.Context())
	var missing *server.MissingError
	require.ErrorAs(t, err, &missing)
	for _, part := range []string{"Jaeger is not installed", os.Getenv("HOME"), "PATH", "make deps", "LABAN_JAEGER_BIN", "LABAN_TEST_JAEGER_QUERY_URL", "docker"} {
		require.ErrorContains(t, err, part)
	}
}

// A program that was named is not replaced by another one silently.
func TestANamedProgramThatIsNotThereIsMissing(t *testing.T) {
	t.Setenv("PATH", t.TempDir()) // no Docker
	t.Setenv("LABAN_JAEGER_BIN", filepath.Join(t.TempDir(), "jaeger"))
	_, err := server.StartJaeger(t.Context())
	var missing *server.MissingError
	require.ErrorAs(t, err, &missing)
	require.ErrorContains(t, err, os.Getenv("LABAN_JAEGER_BIN"))

	t.Setenv("LABAN_RABBITMQ_DIR", t.TempDir())
	_, err = server.StartRabbitMQ(t.Context())
	require.ErrorAs(t, err, &missing)
	require.ErrorContains(t, err, os.Getenv("LABAN_RABBITMQ_DIR"))
	_, err = server.PortMapper()
	require.ErrorContains(t, err, os.Getenv("LABAN_RABBITMQ_DIR"))
}

// Another version of RabbitMQ brings its own Erlang, and with it its own port
// mapper.
func TestThePortMapperOfANamedRabbitMQIsTaken(t *testing.T) {
	dir := t.TempDir()
	for _, program := range []string{"rabbitmq-server", "rabbitmqctl", "epmd"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, program), []byte("#!/bin/sh\n"), 0o700))
	}
	t.Setenv("LABAN_RABBITMQ_DIR", dir)
	programs, err := server.RabbitMQPrograms()
	require.NoError(t, err)
	require.Equal(t, dir, programs)
	epmd, err := server.PortMapper()
	require.NoError(t, err)
	require.Equal(t, filepath.Join(dir, "epmd"), epmd)
}

// A server that ends instead of starting is reported at once, with what it
// said.
func TestAServerThatEndsSaysWhy(t *testing.T) {
	program := filepath.Join(t.TempDir(), "jaeger")
	require.NoError(t, os.WriteFile(program, []byte("#!/bin/sh\necho the sky is falling >&2\nexit 3\n"), 0o700))
	t.Setenv("LABAN_JAEGER_BIN", program)
	begun := time.Now()
	_, err := server.StartJaeger(t.Context())
	require.ErrorContains(t, err, "exit status 3")
	require.ErrorContains(t, err, "the sky is falling")
	require.Less(t, time.Since(begun), patience)
}

// Passwords are made anew each time, and errors don't show them.
func TestErrorsShowNoPassword(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a server; not run with -short")
	}
	node, err := server.StartRabbitMQ(t.Context())
	require.NoError(t, err)
	defer node.Close()
	u, err := url.Parse(node.URL())
	require.NoError(t, err)
	password, _ := u.User.Password()
	require.GreaterOrEqual(t, len(password), 20)

	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	require.NoError(t, node.Kill(t.Context()))
	_, err = node.Control(ctx, "status")
	require.Error(t, err)
	require.NotContains(t, err.Error(), password)
}
