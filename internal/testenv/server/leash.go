package server

import (
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"syscall"
)

//go:embed leash.sh
var leashScript string

// leash makes sure that a server and its folder don't outlive this process. It
// is a small shell process that reads orders from a pipe; the pipe's other end
// is open in this process only, and the system closes it when the process
// ends: by returning from main, by a panic, or killed.
//
// A parent-death signal (PR_SET_PDEATHSIG) would not do: it is sent when the
// thread that started the child ends, which in Go may be at any time, it does
// not reach grandchildren, and it can't remove a folder.
type leash struct {
	orders *os.File
	shell  *exec.Cmd
}

func newLeash(folder string) (*leash, error) {
	read, write, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("make a pipe: %w", err)
	}
	defer func() { _ = read.Close() }()
	// The leash must outlive every context, that is its purpose.
	shell := exec.Command("/bin/sh", "-c", leashScript, "laban-leash", folder) //nolint:noctx // see above
	shell.Dir = "/"
	shell.Stdin = read
	shell.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // ctrl-C is not for it
	if err := shell.Start(); err != nil {
		_ = write.Close()
		return nil, fmt.Errorf("start /bin/sh to watch over a server: %w", err)
	}
	return &leash{orders: write, shell: shell}, nil
}

// tie has the process group end when this process does, by the signal
// ("KILL", "INT") and after a few seconds by KILL.
func (l *leash) tie(signal string, pid int) { l.order("tie %s %d", signal, pid) }

// untie forgets a process that has ended, as its id may be used again.
func (l *leash) untie(pid int) { l.order("untie %d", pid) }

// tieContainer is tie for a Docker container.
func (l *leash) tieContainer(id string) { l.order("container %s", id) }

// order can fail only if the leash was killed, and then nothing can be done.
func (l *leash) order(format string, args ...any) {
	_, _ = fmt.Fprintf(l.orders, format+"\n", args...)
}

// cut ends everything that is tied, removes the folder, and returns when that
// is done. Cutting twice is fine.
func (l *leash) cut() {
	if l.orders.Close() == nil {
		_ = l.shell.Wait()
	}
}
