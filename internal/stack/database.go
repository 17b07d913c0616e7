package stack

import (
	"bytes"
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/laban-io/laban/internal/testenv/server"
)

// databaseURL returns the address of a service's own database, with its
// password.
func (s *Stack) databaseURL(name string) string {
	return s.postgresURL(name, s.settings["SERVICES_DB_PASSWORD"], name)
}

func (s *Stack) postgresURL(user, password, database string) string {
	u := url.URL{
		Scheme: "postgres", User: url.UserPassword(user, password), Host: s.settings.at("POSTGRES_PORT"),
		Path: "/" + database, RawQuery: "sslmode=disable",
	}
	return u.String()
}

func (s *Stack) superuserURL() string {
	return s.postgresURL("postgres", s.settings["POSTGRES_PASSWORD"], "postgres")
}

func (s *Stack) postgreSQL() part {
	return part{
		name: "postgresql", what: "databases of the services, and the ledger",
		signal: syscall.SIGINT, patience: 15 * time.Second, // INT: does not wait for clients
		prepare: s.initialise,
		command: func() (*exec.Cmd, error) {
			cmd, err := s.postgresCommand("postgres", "-D", s.file("postgresql/data"), "-p", s.settings["POSTGRES_PORT"],
				"-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "max_connections=200")
			return cmd, err
		},
		ready: func(ctx context.Context) error {
			ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
			defer cancel()
			conn, err := pgx.Connect(ctx, s.superuserURL())
			if err != nil {
				return err
			}
			return conn.Close(ctx)
		},
		settle: s.makeDatabases,
	}
}

// postgresCommand is a program of PostgreSQL, which refuses to run as root.
func (s *Stack) postgresCommand(program string, args ...string) (*exec.Cmd, error) {
	bin, err := server.PostgreSQLPrograms()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(filepath.Join(bin, program), args...) //nolint:noctx // lives on
	cmd.Dir = s.file("postgresql")
	cmd.Env = environment([]string{"PG", "HOME=", "TMPDIR="}, "HOME="+cmd.Dir)
	if os.Geteuid() != 0 {
		return cmd, nil
	}
	as, err := server.Unprivileged()
	if err != nil {
		return nil, err
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: as}
	return cmd, nil
}

// initialise makes the data folder, once.
func (s *Stack) initialise(ctx context.Context) error {
	folder := s.file("postgresql")
	if _, err := os.Stat(filepath.Join(folder, "data", "PG_VERSION")); err == nil {
		return nil
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	secret := filepath.Join(folder, "password")
	if err := os.WriteFile(secret, []byte(s.settings["POSTGRES_PASSWORD"]), 0o600); err != nil {
		return err
	}
	defer func() { _ = os.Remove(secret) }()
	cmd, err := s.postgresCommand("initdb", "--pgdata", filepath.Join(folder, "data"), "--username", "postgres", "--pwfile", secret,
		"--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C")
	if err != nil {
		return err
	}
	if cmd.SysProcAttr != nil {
		for _, path := range []string{folder, secret} {
			if err := os.Chown(path, int(cmd.SysProcAttr.Credential.Uid), int(cmd.SysProcAttr.Credential.Gid)); err != nil {
				return err
			}
		}
	}
	if out, err := output(ctx, cmd); err != nil {
		return fmt.Errorf("initdb: %w: %s; can its user reach %s?", err, out, folder)
	}
	return nil
}

// makeDatabases runs the script that containers run, on a new server.
func (s *Stack) makeDatabases(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, s.superuserURL())
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	var there bool
	if err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = 'grafana')").Scan(&there); err != nil || there {
		return err
	}
	bin, err := server.PostgreSQLPrograms()
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, filepath.Join(bin, "psql"), "-X", "-q", "-h", "127.0.0.1", "-p", s.settings["POSTGRES_PORT"],
		"-U", "postgres", "-d", "postgres", "-f", s.file("config/postgresql/init.sql"))
	cmd.Env = environment([]string{"PG"}, "PGPASSWORD="+s.settings["POSTGRES_PASSWORD"],
		"SERVICES_DB_PASSWORD="+s.settings["SERVICES_DB_PASSWORD"], "GRAFANA_DB_PASSWORD="+s.settings["GRAFANA_DB_PASSWORD"])
	if out, err := output(ctx, cmd); err != nil {
		return fmt.Errorf("init.sql: %w: %s", err, out)
	}
	return nil
}

// output runs a command to its end, or until ctx ends.
func output(ctx context.Context, cmd *exec.Cmd) (string, error) {
	var text bytes.Buffer
	cmd.Stdout, cmd.Stderr = &text, &text
	if err := cmd.Start(); err != nil {
		return "", err
	}
	stop := context.AfterFunc(ctx, func() { _ = cmd.Process.Kill() })
	defer stop()
	err := cmd.Wait()
	return string(bytes.TrimSpace(text.Bytes())), err
}
