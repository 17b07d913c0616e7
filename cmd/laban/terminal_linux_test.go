package main

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"
)

// terminalOf runs laban in a pseudo-terminal of a size, and returns the other
// end of it and what laban has written there.
func terminalOf(t *testing.T, width, height uint16, env []string, args ...string) (*child, *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	require.NoError(t, err)
	t.Cleanup(func() { _ = master.Close() })
	var number, unlocked int32
	ioctl(t, master, syscall.TIOCSPTLCK, unsafe.Pointer(&unlocked))
	ioctl(t, master, syscall.TIOCGPTN, unsafe.Pointer(&number))
	resize(t, master, width, height)
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	require.NoError(t, err)

	p := &child{cmd: exec.CommandContext(t.Context(), os.Args[0], args...)}
	p.cmd.Env = append(append(os.Environ(), asLaban+"=1", "TMPDIR="+t.TempDir(), "TERM=xterm"), env...)
	p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = slave, slave, slave
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	require.NoError(t, p.cmd.Start())
	require.NoError(t, slave.Close())
	read := make(chan struct{})
	go func() {
		defer close(read)
		buffer := make([]byte, 32<<10)
		for {
			n, err := master.Read(buffer) // an error, once laban has ended
			_, _ = p.out.Write(buffer[:n])
			if err != nil {
				return
			}
		}
	}()
	p.read = read
	return p, master
}

func ioctl(t *testing.T, f *os.File, request uintptr, arg unsafe.Pointer) {
	t.Helper()
	_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, f.Fd(), request, uintptr(arg))
	require.Zero(t, errno)
}

func resize(t *testing.T, f *os.File, width, height uint16) {
	t.Helper()
	size := [4]uint16{height, width}
	ioctl(t, f, syscall.TIOCSWINSZ, unsafe.Pointer(&size))
}

const (
	enter = "\x1b[?1049h"
	leave = "\x1b[?1049l"
)

var colour = regexp.MustCompile(`\x1b\[[\d;]*m`)

func TestOnATerminalTheDemoShowsAView(t *testing.T) {
	t.Parallel()
	p, master := terminalOf(t, 80, 24, nil, "demo", "--rate", "2", "--think", "1ms", "--fates", "approved=1")
	p.eventually(t, "WHAT HAPPENS")
	p.eventually(t, "payment, notification")
	require.Contains(t, p.out.String(), enter)
	require.NotContains(t, p.out.String(), leave)

	resize(t, master, 120, 40)
	wholeID := regexp.MustCompile(`\.\d{3} {2}[0-9A-HJKMNP-TV-Z]{26} {2}`)
	require.Eventually(t, func() bool { // there is room for them now
		return wholeID.MatchString(colour.ReplaceAllString(p.out.String(), ""))
	}, 20*time.Second, 10*time.Millisecond)

	_, err := master.Write([]byte{3}) // ctrl-C
	require.NoError(t, err)
	require.Zero(t, p.wait(t), "%s", &p.out)
	view, after, left := strings.Cut(p.out.String(), leave)
	require.True(t, left, "the screen is given back")
	require.NotContains(t, view, "p99")
	require.Contains(t, after, "p99", "the report is below what was there before")
	require.Contains(t, colour.ReplaceAllString(after, ""), "ended as it should, and every invariant holds")
	require.Regexp(t, colour, after)
}

func TestNoColourWhereNoneIsWanted(t *testing.T) {
	t.Parallel()
	p, _ := terminalOf(t, 80, 24, []string{"NO_COLOR=1"}, "demo", "--orders", "5", "--exit", "--think", "1ms", "--fates", "approved=1")
	require.Zero(t, p.wait(t), "%s", &p.out)
	require.Contains(t, p.out.String(), enter)
	require.NotRegexp(t, colour, p.out.String())
}

func TestADumbTerminalGetsLines(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ env, args []string }{
		{[]string{"TERM=dumb"}, nil},
		{nil, []string{"--plain"}},
	} {
		p, _ := terminalOf(t, 80, 24, c.env, append([]string{"demo", "--orders", "5", "--exit", "--think", "1ms", "--fates", "approved=1"}, c.args...)...)
		require.Zero(t, p.wait(t), "%s", &p.out)
		require.NotContains(t, p.out.String(), "\x1b[?")
		require.Contains(t, p.out.String(), "placed → in stock → paid → shipped")
	}
}

func TestBeingCutOffGivesTheScreenBack(t *testing.T) {
	t.Parallel()
	p, master := terminalOf(t, 80, 24, nil, "demo", "--rate", "20", "--think", "20s", "--fates", "approved=1")
	p.eventually(t, "WHAT HAPPENS")
	_, err := master.Write([]byte{3})
	require.NoError(t, err)
	p.eventually(t, "draining")
	_, err = master.Write([]byte{3})
	require.NoError(t, err)
	require.Equal(t, 130, p.wait(t), "%s", &p.out)
	_, after, left := strings.Cut(p.out.String(), leave)
	require.True(t, left)
	require.Contains(t, after, "laban: the demo was cut off")
}

func TestCtrlZGivesTheScreenBackUntilItGoesOn(t *testing.T) {
	t.Parallel()
	p, master := terminalOf(t, 80, 24, nil, "demo", "--rate", "5", "--think", "1ms", "--fates", "approved=1")
	p.eventually(t, "WHAT HAPPENS")
	for round := 1; round <= 2; round++ {
		_, err := master.Write([]byte{26}) // ctrl-Z
		require.NoError(t, err)
		require.Eventually(t, func() bool { return stateOf(t, p.cmd.Process.Pid) == "T" }, 10*time.Second, 5*time.Millisecond, "it is stopped")
		require.Eventually(t, func() bool { return strings.Count(p.out.String(), leave) == round }, 10*time.Second, 5*time.Millisecond)
		_, after, _ := cutLast(p.out.String(), leave)
		require.NotContains(t, after, "\x1b", "nothing is drawn any more")

		require.NoError(t, p.cmd.Process.Signal(syscall.SIGCONT))
		require.Eventually(t, func() bool {
			_, after, _ := cutLast(p.out.String(), enter)
			return strings.Count(p.out.String(), enter) == round+1 && strings.Contains(after, "WHAT HAPPENS")
		}, 10*time.Second, 5*time.Millisecond, "the whole view is back")
	}
	_, err := master.Write([]byte{3})
	require.NoError(t, err)
	require.Zero(t, p.wait(t), "%s", &p.out)
	require.Equal(t, 3, strings.Count(p.out.String(), leave))
}

// stateOf is the state of a process as proc(5) has it: T is stopped by a signal.
func stateOf(t *testing.T, pid int) string {
	t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	require.NoError(t, err)
	_, rest, _ := cutLast(string(stat), ") ")
	return rest[:1]
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}
