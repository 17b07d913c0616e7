package stack

import (
	"fmt"
	"io"
	"os/exec"
	"syscall"
)

// tether ends the parts of a stack when the process that started it is gone, for
// whatever reason. It is a shell that reads orders from a pipe, whose other end
// the system closes with the process. Tests use it.
type tether struct {
	orders io.WriteCloser
	shell  *exec.Cmd
}

// tetherScript keeps process groups in the variable all.
const tetherScript = `
all=' '
while read -r order group; do
	case $order in
	tie) all="$all$group " ;;
	untie) all="${all%% $group *} ${all#* $group }" ;;
	esac
done
for group in $all; do kill -s TERM -- "-$group" 2>/dev/null; done
[ "$all" = ' ' ] || sleep 3
for group in $all; do kill -s KILL -- "-$group" 2>/dev/null; done
exit 0
`

func newTether() (*tether, error) {
	shell := exec.Command("/bin/sh", "-c", tetherScript, "laban-stack-tether") //nolint:noctx // outlives every context, which is its purpose
	shell.Dir = "/"
	shell.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	orders, err := shell.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := shell.Start(); err != nil {
		return nil, fmt.Errorf("start /bin/sh to watch over the stack: %w", err)
	}
	return &tether{orders, shell}, nil
}

// tie and untie can fail only if the shell was killed, and then nothing can be
// done.
func (t *tether) tie(p process) {
	if t != nil && p.PID != 0 {
		_, _ = fmt.Fprintln(t.orders, "tie", p.PID)
	}
}

func (t *tether) untie(p process) {
	if t != nil && p.PID != 0 {
		_, _ = fmt.Fprintln(t.orders, "untie", p.PID)
	}
}

// cut ends what is still tied, and returns when that is done.
func (t *tether) cut() {
	if t != nil && t.orders.Close() == nil {
		_ = t.shell.Wait()
	}
}
