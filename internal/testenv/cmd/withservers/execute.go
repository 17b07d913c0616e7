package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
)

// execute runs the command until it ends, and returns its exit status: 128 and
// the signal's number if a signal ended it, as shells do. Signals are passed
// on; the command decides what they mean. It calls handover once it takes
// care of them.
func execute(command, env []string, handover func()) (int, error) {
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer signal.Stop(signals)
	handover()

	// It is ended by signals, not by a context.
	cmd := exec.Command(command[0], command[1:]...) //nolint:noctx // see above; running it is what this is for
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), env...)
	if err := cmd.Start(); err != nil {
		return failed, fmt.Errorf("run the command: %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for {
		select {
		case s := <-signals:
			if s == syscall.SIGINT {
				continue // a terminal has sent it to the command as well
			}
			_ = cmd.Process.Signal(s) // it may have ended just now
		case err := <-ended:
			return status(err)
		}
	}
}

func status(err error) (int, error) {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0, nil
	case !errors.As(err, &exit):
		return failed, fmt.Errorf("wait for the command: %w", err)
	}
	if how, ok := exit.Sys().(syscall.WaitStatus); ok && how.Signaled() {
		const killedBy = 128
		return killedBy + int(how.Signal()), nil
	}
	return exit.ExitCode(), nil
}
