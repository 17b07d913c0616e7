package stack

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func unset(string) (string, bool) { return "", false }

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "env")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func TestTheEnvironmentGoesBeforeTheFile(t *testing.T) {
	path := write(t, "# ports\nORDER_PORT=8081\n\nNAME=a=b\n")
	s, err := ReadSettings(path, func(name string) (string, bool) { return map[string]string{"ORDER_PORT": "9"}[name], true })
	require.NoError(t, err)
	require.Equal(t, "9", s["ORDER_PORT"])
	require.Equal(t, "a=b", s["NAME"])
	require.Equal(t, "127.0.0.1:9", s.at("ORDER_PORT"))
}

func TestWrongSettingsAreNamed(t *testing.T) {
	for text, says := range map[string]string{
		"ORDER_PORT":                    ":1: not of the form",
		"ORDER_PORT=x":                  `ORDER_PORT="x" is no port`,
		"ORDER_PORT=70000":              "from 1 to 65535",
		"ORDER_PORT=80\nOTHER_PORT=80":  "ORDER_PORT and OTHER_PORT are both 80",
		"ORDER_PORT=80\nOTHER_PORT=080": "are both 80",
	} {
		_, err := ReadSettings(write(t, text), unset)
		require.ErrorContains(t, err, says)
	}
}

// configured returns a stack that is configured and not started.
func configured(t *testing.T) *Stack {
	t.Helper()
	source, err := filepath.Abs("../..")
	require.NoError(t, err)
	settings, err := ReadSettings(filepath.Join(source, "deploy", "compose", ".env"), unset)
	require.NoError(t, err)
	s := &Stack{folder: t.TempDir(), source: source, settings: settings, out: io.Discard, processes: map[string]process{}}
	require.NoError(t, s.settings.useFreePorts(t.Context()))
	require.NoError(t, makeFolder(s.folder))
	return s
}

// TestNoAddressOfAContainerIsLeft: nor one of a default port, which would be
// somebody else's.
func TestNoAddressOfAContainerIsLeft(t *testing.T) {
	s := configured(t)
	require.NoError(t, s.configure())
	var names []string
	for address := range Containers() {
		name, _, _ := strings.Cut(address, ":")
		names = append(names, name)
	}
	left := regexp.MustCompile(`\b(` + strings.Join(names, "|") + `):\d{4,}`)
	files := 0
	require.NoError(t, filepath.WalkDir(s.file("config"), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.HasSuffix(path, ".test.yaml") {
			return err
		}
		files++
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		require.NotRegexp(t, left, string(text), path)
		for address := range pages() {
			require.NotContains(t, string(text), address, path)
		}
		return nil
	}))
	require.Greater(t, files, 8)
}

func TestAPortThatIsTakenIsNamed(t *testing.T) {
	s := configured(t)
	require.NoError(t, s.checkPorts(t.Context()))
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	s.settings["PAYMENT_PORT"] = strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
	require.ErrorContains(t, s.checkPorts(t.Context()), "PAYMENT_PORT="+s.settings["PAYMENT_PORT"])
}

func sleeper(t *testing.T) process {
	t.Helper()
	p, err := launch(exec.Command("/bin/sleep", "300"), filepath.Join(t.TempDir(), "log"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.end(context.Background(), syscall.SIGKILL, time.Second)) })
	return p
}

func TestOnlyTheProcessThatWasStartedIsEnded(t *testing.T) {
	p := sleeper(t)
	require.True(t, p.runs())
	another := process{PID: p.PID, Began: p.Began + "0"} // the id, used again
	require.False(t, another.runs())
	require.NoError(t, another.end(t.Context(), syscall.SIGKILL, time.Second))
	require.True(t, p.runs())
	require.NoError(t, p.end(t.Context(), syscall.SIGTERM, 5*time.Second))
	require.False(t, p.runs())
}

// TestAProcessThatDoesNotEndIsEnded: it takes no notice of the signal.
func TestAProcessThatDoesNotEndIsEnded(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	p, err := launch(exec.Command("/bin/sh", "-c", "trap '' TERM; echo ready; while :; do /bin/sleep 1; done"), log)
	require.NoError(t, err)
	require.Eventually(t, func() bool { return strings.Contains(tail(log), "ready") }, 30*time.Second, 10*time.Millisecond)
	require.NoError(t, p.end(t.Context(), syscall.SIGTERM, 200*time.Millisecond))
	require.False(t, p.runs())
}

func TestATetherEndsWhatIsTied(t *testing.T) {
	if testing.Short() {
		t.Skip("what is tied has seconds to end")
	}
	tied, untied := sleeper(t), sleeper(t)
	r, err := newTether()
	require.NoError(t, err)
	r.tie(tied)
	r.tie(untied)
	r.untie(untied)
	r.cut()
	require.False(t, tied.runs())
	require.True(t, untied.runs())
	r.cut() // again does nothing
}

// TestAPartThatEndsIsTold: with what it said last, and not after minutes.
func TestAPartThatEndsIsTold(t *testing.T) {
	s := configured(t)
	err := s.start(t.Context(), part{
		name:    "broken",
		command: func() (*exec.Cmd, error) { return exec.Command("/bin/sh", "-c", "echo no such thing; exit 3"), nil },
		ready:   func(context.Context) error { return errors.New("not yet") },
	})
	require.ErrorContains(t, err, "start broken: it has ended")
	require.ErrorContains(t, err, "no such thing")
}

func TestAPartWhosePlaceIsTakenIsNotStarted(t *testing.T) {
	err := configured(t).start(t.Context(), part{
		name:    "doubled",
		command: func() (*exec.Cmd, error) { return nil, errors.New("it was run") },
		ready:   func(context.Context) error { return nil },
	})
	require.ErrorContains(t, err, "answers in its place already")
}

func TestEveryPartNeedsPartsThatAreThere(t *testing.T) {
	s := configured(t)
	s.withLoad = true
	for _, p := range s.parts() {
		for _, need := range p.after {
			_, err := s.part(need)
			require.NoError(t, err, p.name)
		}
	}
	_, err := s.part("paiment")
	require.ErrorContains(t, err, "payment")
}

func TestAFolderWithoutAStackIsToldSo(t *testing.T) {
	_, err := Open(t.TempDir(), io.Discard)
	require.ErrorIs(t, err, ErrNone)
}
