package server

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// PostgreSQL is a database server. It takes no care of its data (no fsync).
type PostgreSQL struct {
	host           postgreSQLHost
	port           int
	user, password string
}

// postgreSQLHost is what a server runs on: this machine or a container.
type postgreSQLHost interface {
	start(ctx context.Context) error
	alive() error
	close()
}

// careless returns the settings that make a test's database fast.
func careless() []string {
	return []string{
		"-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off",
		"-c", "wal_level=minimal", "-c", "max_wal_senders=0",
		"-c", "shared_buffers=64MB", "-c", "max_connections=300",
	}
}

// StartPostgreSQL starts a server and returns when it accepts connections.
func StartPostgreSQL(ctx context.Context) (*PostgreSQL, error) {
	var err error
	for range attempts {
		var p *PostgreSQL
		if p, err = newPostgreSQL(ctx); err != nil {
			return nil, err
		}
		if err = p.start(ctx); err == nil {
			return p, nil
		}
		p.Close()
		if ctx.Err() != nil {
			break
		}
	}
	return nil, err
}

func newPostgreSQL(ctx context.Context) (*PostgreSQL, error) {
	ports, err := freePorts(ctx, 1)
	if err != nil {
		return nil, err
	}
	p := &PostgreSQL{port: ports[0], user: "laban", password: rand.Text()}
	if bin, searched, ok := findPostgreSQL(); ok {
		p.host, err = newNativePostgreSQL(ctx, bin, p)
	} else if docker, why := findDocker(ctx); why == nil {
		p.host, err = newPostgreSQLContainer(ctx, docker, p)
	} else {
		err = &MissingError{
			Server: "PostgreSQL", Searched: searched, Docker: why,
			Install: "Run make deps, or install it (on Debian: apt-get install postgresql), or name a server that runs in LABAN_TEST_POSTGRES_URL",
		}
	}
	if err != nil {
		return nil, err
	}
	return p, nil
}

func (p *PostgreSQL) start(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if err := p.host.start(ctx); err != nil {
		return fmt.Errorf("start PostgreSQL: %w", err)
	}
	err := until(ctx, "it accepts connections", func() error {
		if err := p.host.alive(); err != nil {
			return deadError{err}
		}
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		conn, err := pgx.Connect(ctx, p.URL())
		if err != nil {
			return err
		}
		return conn.Close(ctx)
	})
	if err != nil {
		return fmt.Errorf("start PostgreSQL: %w", err)
	}
	return nil
}

// URL is the address of the database postgres, with user and password. The
// user is a superuser.
func (p *PostgreSQL) URL() string {
	u := url.URL{
		Scheme: "postgres", User: url.UserPassword(p.user, p.password), Host: address(p.port),
		Path: "/postgres", RawQuery: "sslmode=disable",
	}
	return u.String()
}

// Close ends the server and removes its data.
func (p *PostgreSQL) Close() { p.host.close() }

// findPostgreSQL returns the folder of the server's own programs, or where it
// was searched. What is on PATH comes last: it may be another version's
// wrapper.
func findPostgreSQL() (bin string, searched []string, ok bool) {
	programs := []string{"postgres", "initdb"}
	patterns := []string{
		"/usr/lib/postgresql/*/bin",          // Debian
		"/usr/pgsql-*/bin",                   // RPM
		"/opt/homebrew/opt/postgresql@*/bin", // Homebrew
		"/usr/local/opt/postgresql@*/bin",    // Homebrew
		"/usr/local/pgsql/bin",               // from source
	}
	if bin, ok := folderWith(patterns, programs...); ok {
		return bin, nil, true
	}
	if bin, ok := folderOnPath("postgres"); ok && hasAll(bin, programs) {
		return bin, nil, true
	}
	return "", append(patterns, "PATH"), false
}

// nativePostgreSQL is a server on this machine.
type nativePostgreSQL struct {
	bin    string
	port   int
	folder string
	as     *syscall.Credential // another user, or nil
	leash  *leash
	server *process
}

func newNativePostgreSQL(ctx context.Context, bin string, p *PostgreSQL) (*nativePostgreSQL, error) {
	n := &nativePostgreSQL{bin: bin, port: p.port}
	var err error
	if os.Geteuid() == 0 { // PostgreSQL refuses to run as root
		if n.as, err = Unprivileged(); err != nil {
			return nil, err
		}
		n.folder, err = newFolderFor("postgresql", int(n.as.Uid), int(n.as.Gid))
	} else {
		n.folder, err = newFolder("postgresql")
	}
	if err != nil {
		return nil, err
	}
	if err := n.initialise(ctx, p); err != nil {
		_ = os.RemoveAll(n.folder)
		return nil, fmt.Errorf("make a PostgreSQL database: %w", err)
	}
	if n.leash, err = newLeash(n.folder); err != nil {
		_ = os.RemoveAll(n.folder)
		return nil, err
	}
	return n, nil
}

// Unprivileged returns a user to run as instead of root, which PostgreSQL
// refuses to run as.
func Unprivileged() (*syscall.Credential, error) {
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
		gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
		if errors.Join(err1, err2) == nil {
			return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
		}
	}
	return nil, errors.New("PostgreSQL does not run as root, and there is neither a user postgres nor nobody to run it as: run this as another user")
}

func (n *nativePostgreSQL) command(ctx context.Context, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, filepath.Join(n.bin, program), args...)
	n.prepare(cmd)
	return cmd
}

func (n *nativePostgreSQL) prepare(cmd *exec.Cmd) {
	cmd.Dir = n.folder
	cmd.Env = environment([]string{"PG", "HOME=", "TMPDIR="}, "HOME="+n.folder)
	if n.as != nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: n.as}
	}
}

func (n *nativePostgreSQL) data() string { return filepath.Join(n.folder, "data") }

func (n *nativePostgreSQL) initialise(ctx context.Context, p *PostgreSQL) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	secret := filepath.Join(n.folder, "password")
	if err := os.WriteFile(secret, []byte(p.password), 0o600); err != nil {
		return err
	}
	if n.as != nil {
		if err := os.Chown(secret, int(n.as.Uid), int(n.as.Gid)); err != nil {
			return err
		}
	}
	out, err := n.command(ctx, "initdb", "--pgdata", n.data(), "--username", p.user, "--pwfile", secret,
		"--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C", "--no-sync").CombinedOutput()
	if err != nil {
		return fmt.Errorf("initdb: %w: %s", err, bytes.TrimSpace(out))
	}
	return os.Remove(secret)
}

func (n *nativePostgreSQL) start(context.Context) error {
	args := append([]string{
		"-D", n.data(), "-p", strconv.Itoa(n.port),
		"-c", "listen_addresses=" + loopback, "-c", "unix_socket_directories=",
	}, careless()...)
	cmd := exec.Command(filepath.Join(n.bin, "postgres"), args...) //nolint:noctx // lives on
	n.prepare(cmd)
	var err error
	// INT is PostgreSQL's fast shutdown, after which no shared memory is left.
	n.server, err = start(n.leash, "INT", filepath.Join(n.folder, "log"), cmd)
	return err
}

func (n *nativePostgreSQL) alive() error { return n.server.alive() }

func (n *nativePostgreSQL) close() {
	if n.server != nil {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = n.server.signal(ctx, syscall.SIGINT) // otherwise the leash does it
	}
	n.leash.cut()
	if n.server != nil {
		n.server.reap()
	}
}

func newPostgreSQLContainer(ctx context.Context, docker string, p *PostgreSQL) (*container, error) {
	name := image("LABAN_TEST_POSTGRES_IMAGE", postgreSQLImage)
	if err := pull(ctx, docker, name); err != nil {
		return nil, err
	}
	return &container{
		docker:  docker,
		image:   name,
		env:     []string{"POSTGRES_USER=" + p.user, "POSTGRES_PASSWORD=" + p.password, "POSTGRES_DB=postgres", "POSTGRES_INITDB_ARGS=--no-sync"},
		publish: map[int]int{p.port: 5432},
		args:    careless(),
	}, nil
}
