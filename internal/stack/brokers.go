package stack

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/laban-io/laban/internal/testenv/server"
)

// rabbitMQPlaces are the settings of the node that containers get from their
// environment, or need not.
func (s *Stack) rabbitMQPlaces() string {
	return fmt.Sprintf(`
# What differs from the container.
listeners.tcp.1 = %s
management.tcp.ip = 127.0.0.1
management.tcp.port = %s
prometheus.tcp.ip = 127.0.0.1
prometheus.tcp.port = %s
default_user = %s
default_pass = %s
log.console = true
log.console.level = info
`, s.settings.at("RABBITMQ_PORT"), s.settings["RABBITMQ_MANAGEMENT_PORT"], s.settings["RABBITMQ_METRICS_PORT"],
		s.settings["RABBITMQ_USER"], s.settings["RABBITMQ_PASSWORD"])
}

// amqpURL has user and password in it.
func (s *Stack) amqpURL() string {
	u := url.URL{Scheme: "amqp", User: s.rabbitMQUser(), Host: s.settings.at("RABBITMQ_PORT"), Path: "/"}
	return u.String()
}

func (s *Stack) managementURL() string {
	u := url.URL{Scheme: "http", User: s.rabbitMQUser(), Host: s.settings.at("RABBITMQ_MANAGEMENT_PORT")}
	return u.String()
}

func (s *Stack) rabbitMQUser() *url.Userinfo {
	return url.UserPassword(s.settings["RABBITMQ_USER"], s.settings["RABBITMQ_PASSWORD"])
}

// erlang is the environment of the node and of its port mapper.
func (s *Stack) erlang() []string {
	folder := s.file("rabbitmq")
	return environment([]string{"RABBITMQ_", "ERL_", "HOME=", "NOTIFY_SOCKET="},
		"HOME="+folder, // the cookie is there
		"RABBITMQ_NODENAME=laban-"+s.settings["RABBITMQ_PORT"]+"@localhost",
		"RABBITMQ_CONF_ENV_FILE="+filepath.Join(folder, "none"),
		"RABBITMQ_CONFIG_FILE="+s.file("config/rabbitmq/rabbitmq.conf"),
		"RABBITMQ_ADVANCED_CONFIG_FILE="+filepath.Join(folder, "none.config"),
		"RABBITMQ_ENABLED_PLUGINS_FILE="+s.file("config/rabbitmq/enabled_plugins"),
		"RABBITMQ_MNESIA_BASE="+filepath.Join(folder, "data"),
		"RABBITMQ_LOG_BASE="+filepath.Join(folder, "logs"),
		"RABBITMQ_LOGS=-", // to standard output
		"RABBITMQ_PID_FILE="+filepath.Join(folder, "pid"),
		"RABBITMQ_DIST_PORT="+s.settings["RABBITMQ_DIST_PORT"],
		"ERL_EPMD_PORT="+s.settings["EPMD_PORT"],
		"ERL_EPMD_ADDRESS=127.0.0.1",
		// With a short busy wait in the threads that read files the node starts in
		// two thirds of the time.
		"RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=-kernel inet_dist_use_interface {127,0,0,1} +SDio 4 +sbwtdio medium",
		"RUNNING_UNDER_SYSTEMD=true", // the script becomes the node
	)
}

// epmd is Erlang's port mapper, the node's own: the machine's would outlive it
// and listens beyond loopback.
func (s *Stack) epmd() part {
	return part{
		name: "epmd", what: "RabbitMQ's port mapper", signal: syscall.SIGKILL,
		prepare: func(context.Context) error {
			folder := s.file("rabbitmq")
			if err := os.MkdirAll(folder, 0o700); err != nil {
				return err
			}
			cookie := filepath.Join(folder, ".erlang.cookie")
			if _, err := os.Stat(cookie); err == nil {
				return nil
			}
			return os.WriteFile(cookie, []byte(rand.Text()), 0o400)
		},
		command: func() (*exec.Cmd, error) {
			path, err := server.PortMapper()
			if err != nil {
				return nil, err
			}
			cmd := exec.Command(path) //nolint:noctx // lives on
			cmd.Dir, cmd.Env = s.file("rabbitmq"), s.erlang()
			return cmd, nil
		},
		ready: accepts(s.settings.at("EPMD_PORT")),
	}
}

func (s *Stack) rabbitMQ() part {
	return part{
		name: "rabbitmq", what: "the broker", page: s.settings.page("RABBITMQ_MANAGEMENT_PORT"), after: []string{"epmd"},
		signal: syscall.SIGTERM, patience: 20 * time.Second,
		command: func() (*exec.Cmd, error) {
			bin, err := server.RabbitMQPrograms()
			if err != nil {
				return nil, err
			}
			cmd := exec.Command(filepath.Join(bin, "rabbitmq-server")) //nolint:noctx // lives on
			cmd.Dir, cmd.Env = s.file("rabbitmq"), s.erlang()
			return cmd, nil
		},
		ready: func(ctx context.Context) error {
			if err := answers(s.managementURL() + "/api/overview")(ctx); err != nil {
				return err
			}
			conn, err := amqp.DialConfig(s.amqpURL(), amqp.Config{Dial: amqp.DefaultDial(5 * time.Second)})
			if err != nil {
				return err
			}
			return conn.Close()
		},
	}
}

// environment is this process's without what would change a program's
// behaviour, and with the given settings.
func environment(without []string, with ...string) []string {
	var env []string
	for _, setting := range os.Environ() {
		keep := true
		for _, prefix := range without {
			keep = keep && !strings.HasPrefix(setting, prefix)
		}
		if keep {
			env = append(env, setting)
		}
	}
	return append(env, with...)
}
