//go:build unix

package main

import (
	"os"
	"os/signal"
	"syscall"

	"github.com/laban-io/laban/internal/demo"
)

// suspendable lets ctrl-Z stop the process with the terminal as it was before,
// and draws the screen again when the process goes on. Call release when
// the screen is no longer used.
func suspendable(screen *demo.Screen) (release func()) {
	if signal.Ignored(syscall.SIGTSTP) { // whoever started it wants that
		return func() {}
	}
	suspend, resume := make(chan os.Signal, 1), make(chan os.Signal, 1)
	signal.Notify(suspend, syscall.SIGTSTP)
	signal.Notify(resume, syscall.SIGCONT)
	done := make(chan struct{})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-suspend:
				screen.Suspend()
				// SIGTSTP itself is caught, so it would not stop anything.
				_ = syscall.Kill(os.Getpid(), syscall.SIGSTOP)
			case <-resume:
				screen.Resume()
			case <-done:
				return
			}
		}
	}()
	return func() {
		signal.Stop(suspend)
		signal.Stop(resume)
		close(done)
		<-ended
	}
}
