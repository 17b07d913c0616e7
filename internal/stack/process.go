package stack

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// process is one that this package started. It is known by its id and the moment
// it began, in clock ticks since the machine did.
type process struct {
	PID   int    `json:"pid"`
	Began string `json:"began"`
}

// launch starts a command that goes on when this process has ended, with its
// output added to a file.
func launch(cmd *exec.Cmd, log string) (process, error) {
	out, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return process{}, fmt.Errorf("open the log: %w", err)
	}
	defer func() { _ = out.Close() }()
	cmd.Stdout, cmd.Stderr = out, out
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setsid = true // a closed terminal and ctrl-C are not for it
	if err := cmd.Start(); err != nil {
		return process{}, fmt.Errorf("start %s: %w", cmd.Path, err)
	}
	p := process{PID: cmd.Process.Pid}
	// What is left of one that has ended already has it, too.
	p.Began, _, err = began(p.PID)
	return p, errors.Join(err, cmd.Process.Release())
}

// began returns when a process started, and whether it has ended and only waits
// to be collected (proc(5): fields 22 and 3 of stat).
func began(pid int) (at string, ended bool, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "", true, fmt.Errorf("look for process %d: %w", pid, err)
	}
	// The name, field 2, may have spaces and brackets in it.
	_, rest, _ := cutLast(string(text), ") ")
	fields := strings.Fields(rest)
	const state, start = 0, 19 // fields 3 and 22
	if len(fields) <= start {
		return "", true, fmt.Errorf("look for process %d: its stat can't be read", pid)
	}
	return fields[start], fields[state] == "Z", nil
}

func cutLast(text, sep string) (before, after string, ok bool) {
	i := strings.LastIndex(text, sep)
	if i < 0 {
		return text, "", false
	}
	return text[:i], text[i+len(sep):], true
}

// runs tells whether the process is there, and is the one that was started.
func (p process) runs() bool {
	if p.PID == 0 {
		return false
	}
	// Where it is a child of this process, what is left of it is collected.
	_, _ = syscall.Wait4(p.PID, nil, syscall.WNOHANG, nil)
	at, ended, err := began(p.PID)
	return err == nil && !ended && at == p.Began
}

// end asks the process to end by a signal, and ends its whole group where it has
// not done so in time.
func (p process) end(ctx context.Context, signal syscall.Signal, patience time.Duration) error {
	if !p.runs() {
		return nil
	}
	if err := syscall.Kill(p.PID, signal); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("send %v to process %d: %w", signal, p.PID, err)
	}
	waiting, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	gone := func() error {
		if p.runs() {
			return errors.New("it still runs")
		}
		return nil
	}
	if until(waiting, gone) == nil {
		return nil
	}
	if err := syscall.Kill(-p.PID, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("kill process group %d: %w", p.PID, err)
	}
	ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	return until(ctx, gone)
}

// endedError says that asking again is in vain.
type endedError struct{ error }

// until asks again and again, until ask returns nil or ctx ends.
func until(ctx context.Context, ask func() error) error {
	pause := 20 * time.Millisecond
	for {
		err := ask()
		if err == nil {
			return nil
		}
		var ended endedError
		if errors.As(err, &ended) {
			return ended.error
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w (last: %w)", context.Cause(ctx), err)
		case <-time.After(pause):
		}
		pause = min(2*pause, 250*time.Millisecond)
	}
}
