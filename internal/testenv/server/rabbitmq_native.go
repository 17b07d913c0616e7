package server

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
)

// findRabbitMQ returns the folder of RabbitMQ's own scripts, or where it was
// searched. The scripts in /usr/sbin are the packages' wrappers: they change
// the user and log elsewhere, so what they are links to is taken instead.
//
// LABAN_RABBITMQ_DIR names the folder of another version than the installed.
func findRabbitMQ() (bin string, searched []string, ok bool) {
	programs := []string{"rabbitmq-server", "rabbitmqctl"}
	if bin := os.Getenv("LABAN_RABBITMQ_DIR"); bin != "" {
		return bin, []string{bin}, hasAll(bin, programs)
	}
	patterns := []string{
		"/usr/lib/rabbitmq/bin",                        // Debian
		"/usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin", // RPM
		"/opt/rabbitmq/sbin",                           // the Docker image
		"/opt/homebrew/opt/rabbitmq/sbin",              // Homebrew
		"/usr/local/opt/rabbitmq/sbin",
	}
	if bin, ok := folderWith(patterns, programs...); ok {
		return bin, nil, true
	}
	if bin, ok := folderOnPath("rabbitmq-server"); ok && hasAll(bin, programs) {
		return bin, nil, true
	}
	return "", append(patterns, "PATH"), false
}

// findPortMapper returns Erlang's port mapper: the one beside RabbitMQ's scripts,
// or else the one on PATH.
func findPortMapper(bin string) (string, error) {
	if beside := filepath.Join(bin, "epmd"); executable(beside) {
		return beside, nil
	}
	epmd, err := exec.LookPath("epmd")
	if err != nil {
		return "", fmt.Errorf("RabbitMQ is in %s, but Erlang's port mapper is neither there nor on PATH: %w", bin, err)
	}
	return epmd, nil
}

// nativeRabbitMQ is a node on this machine, and its own Erlang port mapper:
// the machine's would outlive the node, and listens beyond loopback.
type nativeRabbitMQ struct {
	bin      string
	epmdPath string
	folder   string
	env      []string
	leash    *leash
	epmd     *process
	node     *process
}

func newNativeRabbitMQ(bin string, r *RabbitMQ, distPort, epmdPort int) (*nativeRabbitMQ, error) {
	epmd, err := findPortMapper(bin)
	if err != nil {
		return nil, err
	}
	folder, err := newFolder("rabbitmq")
	if err != nil {
		return nil, err
	}
	n := &nativeRabbitMQ{bin: bin, epmdPath: epmd, folder: folder}
	if err := n.writeConfig(r); err != nil {
		_ = os.RemoveAll(folder)
		return nil, err
	}
	n.env = environment([]string{"RABBITMQ_", "ERL_", "HOME=", "NOTIFY_SOCKET="},
		"HOME="+folder, // the cookie is there
		"RABBITMQ_NODENAME=laban-"+strconv.Itoa(r.port)+"@localhost",
		"RABBITMQ_CONF_ENV_FILE="+n.file("none"),
		"RABBITMQ_CONFIG_FILE="+n.file("rabbitmq.conf"),
		"RABBITMQ_ADVANCED_CONFIG_FILE="+n.file("none.config"),
		"RABBITMQ_ENABLED_PLUGINS_FILE="+n.file("enabled_plugins"),
		"RABBITMQ_MNESIA_BASE="+n.file("data"),
		"RABBITMQ_LOG_BASE="+n.file("logs"),
		"RABBITMQ_LOGS=-", // to standard output
		"RABBITMQ_PID_FILE="+n.file("pid"),
		"RABBITMQ_DIST_PORT="+strconv.Itoa(distPort),
		"ERL_EPMD_PORT="+strconv.Itoa(epmdPort),
		"ERL_EPMD_ADDRESS="+loopback,
		// The node reads thousands of files at start, each through a thread of
		// this kind; without a short busy wait in them it takes half as long
		// again.
		"RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=-kernel inet_dist_use_interface {127,0,0,1} +SDio 4 +sbwtdio medium",
		"RABBITMQ_CTL_ERL_ARGS=+S 1:1",
		// The script then becomes the node, instead of watching over it.
		"RUNNING_UNDER_SYSTEMD=true",
	)
	if n.leash, err = newLeash(folder); err != nil {
		_ = os.RemoveAll(folder)
		return nil, err
	}
	return n, nil
}

func (n *nativeRabbitMQ) file(name string) string { return filepath.Join(n.folder, name) }

func (n *nativeRabbitMQ) writeConfig(r *RabbitMQ) error {
	conf := fmt.Sprintf(`listeners.tcp.1 = %s:%d
management.tcp.ip = %s
management.tcp.port = %d
default_user = %s
default_pass = %s
collect_statistics_interval = 500
management.sample_retention_policies.global.minute = 1
management.sample_retention_policies.basic.minute = 1
management.sample_retention_policies.detailed.minute = 1
raft.wal_max_size_bytes = 67108864
log.console.level = info
`, loopback, r.port, loopback, r.managementPort, r.user, r.password)
	return errors.Join(
		os.WriteFile(n.file("rabbitmq.conf"), []byte(conf), 0o600),
		os.WriteFile(n.file("enabled_plugins"), []byte("[rabbitmq_management].\n"), 0o600),
		os.WriteFile(n.file(".erlang.cookie"), []byte(rand.Text()), 0o400),
	)
}

func (n *nativeRabbitMQ) start(ctx context.Context) error {
	if n.node != nil && !n.node.exited() {
		return errors.New("the node runs already")
	}
	if n.epmd == nil || n.epmd.exited() {
		cmd := exec.Command(n.epmdPath) //nolint:noctx // lives on
		cmd.Dir, cmd.Env = n.folder, n.env
		epmd, err := start(n.leash, "KILL", n.file("epmd.log"), cmd)
		if err != nil {
			return err
		}
		n.epmd = epmd
	}
	cmd := exec.Command(filepath.Join(n.bin, "rabbitmq-server")) //nolint:noctx // lives on
	cmd.Dir, cmd.Env = n.folder, n.env
	node, err := start(n.leash, "KILL", n.file("log"), cmd)
	if err != nil {
		return err
	}
	n.node = node
	return nil
}

func (n *nativeRabbitMQ) alive() error {
	if n.node == nil {
		return errors.New("the node was never started")
	}
	return n.node.alive()
}

func (n *nativeRabbitMQ) stop(ctx context.Context) error {
	if n.node == nil {
		return nil
	}
	return n.node.signal(ctx, syscall.SIGTERM)
}

func (n *nativeRabbitMQ) kill(ctx context.Context) error {
	if n.node == nil {
		return nil
	}
	return n.node.kill(ctx)
}

func (n *nativeRabbitMQ) control(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, filepath.Join(n.bin, "rabbitmqctl"), args...)
	cmd.Dir, cmd.Env = n.folder, n.env
	out, err := cmd.CombinedOutput()
	text := string(bytes.TrimSpace(out))
	if err != nil {
		return text, fmt.Errorf("%w: %s", err, text)
	}
	return text, nil
}

func (n *nativeRabbitMQ) log() string { return tail(n.file("log")) }

func (n *nativeRabbitMQ) close() {
	n.leash.cut()
	for _, p := range []*process{n.node, n.epmd} {
		if p != nil {
			p.reap()
		}
	}
}
