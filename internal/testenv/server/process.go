package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// process is a server's process, on a leash, with its output in a file.
//
// It does without [exec.Cmd.Wait], which would need a goroutine for as long as
// the server runs, and asks the system whether the process has ended instead.
type process struct {
	leash *leash
	log   string
	pid   int

	mu    sync.Mutex
	ended bool
	state string // how it ended
}

// start runs a command that is to live on: in a process group of its own, with
// its output appended to the log file. The leash ends it by the signal.
func start(l *leash, signal, log string, cmd *exec.Cmd) (*process, error) {
	out, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the log: %w", err)
	}
	defer func() { _ = out.Close() }()
	cmd.Stdout, cmd.Stderr = out, out
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = true
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", cmd.Path, err)
	}
	l.tie(signal, cmd.Process.Pid)
	p := &process{leash: l, log: log, pid: cmd.Process.Pid}
	if err := cmd.Process.Release(); err != nil {
		return nil, fmt.Errorf("release %s: %w", cmd.Path, err)
	}
	return p, nil
}

// exited tells whether the process has ended.
func (p *process) exited() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended {
		return true
	}
	var status syscall.WaitStatus
	for {
		pid, err := syscall.Wait4(p.pid, &status, syscall.WNOHANG, nil)
		if errors.Is(err, syscall.EINTR) {
			continue
		}
		if err == nil && pid == 0 {
			return false
		}
		break
	}
	p.ended = true
	p.state = fmt.Sprintf("exit status %d", status.ExitStatus())
	if status.Signaled() {
		p.state = "ended by signal: " + status.Signal().String()
	}
	p.leash.untie(p.pid)
	return true
}

// alive returns nil as long as the process runs, then how it ended and the end
// of its log.
func (p *process) alive() error {
	if !p.exited() {
		return nil
	}
	return fmt.Errorf("%s; the end of its log:\n%s", p.state, tail(p.log))
}

// signal sends the process a signal and waits until it has ended.
func (p *process) signal(ctx context.Context, sig syscall.Signal) error {
	if p.exited() {
		return nil
	}
	if err := syscall.Kill(p.pid, sig); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("send %v to process %d: %w", sig, p.pid, err)
	}
	return until(ctx, "the process has ended", func() error {
		if p.exited() {
			return nil
		}
		return errors.New("it still runs")
	})
}

// kill ends the process group at once and waits until the process is gone.
func (p *process) kill(ctx context.Context) error {
	if p.exited() {
		return nil
	}
	if err := syscall.Kill(-p.pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("kill process group %d: %w", p.pid, err)
	}
	return p.signal(ctx, syscall.SIGKILL)
}

// until asks again and again, until ask returns nil or ctx ends. It returns at
// once when ask's error is a [deadError].
func until(ctx context.Context, what string, ask func() error) error {
	pause := 10 * time.Millisecond
	for {
		err := ask()
		if err == nil {
			return nil
		}
		var dead deadError
		if errors.As(err, &dead) {
			return dead.error
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait until %s: %w (last: %w)", what, context.Cause(ctx), err)
		case <-time.After(pause):
		}
		pause = min(2*pause, 100*time.Millisecond)
	}
}

// deadError says that asking again is in vain.
type deadError struct{ error }

// tail returns the last lines of a file, for an error.
func tail(file string) string {
	const most = 4 << 10
	f, err := os.Open(file)
	if err != nil {
		return "(there is none)"
	}
	defer func() { _ = f.Close() }()
	if info, err := f.Stat(); err == nil && info.Size() > most {
		_, _ = f.Seek(-most, io.SeekEnd)
	}
	text, err := io.ReadAll(io.LimitReader(f, most))
	if err != nil || len(bytes.TrimSpace(text)) == 0 {
		return "(it is empty)"
	}
	return string(bytes.TrimSpace(text))
}

// reap collects a process that is ended already, so that none is left as a
// zombie.
func (p *process) reap() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_ = p.signal(ctx, syscall.SIGKILL)
}
