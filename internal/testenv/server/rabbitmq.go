package server

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Limits of waiting. A node starts in 5 to 10 s on an idle machine of two
// cores; a test run may start several of them at a time.
const (
	startTimeout   = 3 * time.Minute
	stopTimeout    = time.Minute
	controlTimeout = time.Minute
	// attempts is how often a server is started with other ports.
	attempts = 3
)

// RabbitMQ is a node with the management plugin. Its methods are not safe for
// concurrent use.
type RabbitMQ struct {
	host           rabbitHost
	port           int
	managementPort int
	user, password string
}

// rabbitHost is what a node runs on: this machine or a container.
type rabbitHost interface {
	start(ctx context.Context) error
	alive() error // nil, or how the node ended
	stop(ctx context.Context) error
	kill(ctx context.Context) error
	control(ctx context.Context, args ...string) (string, error)
	log() string // its last lines
	close()
}

// StartRabbitMQ starts a node and returns when it accepts connections.
func StartRabbitMQ(ctx context.Context) (*RabbitMQ, error) {
	var err error
	for range attempts {
		var r *RabbitMQ
		if r, err = newRabbitMQ(ctx); err != nil {
			return nil, err
		}
		if err = r.Start(ctx); err == nil {
			return r, nil
		}
		r.Close()
		if ctx.Err() != nil {
			break
		}
	}
	return nil, err
}

func newRabbitMQ(ctx context.Context) (*RabbitMQ, error) {
	ports, err := freePorts(ctx, 4)
	if err != nil {
		return nil, err
	}
	r := &RabbitMQ{port: ports[0], managementPort: ports[1], user: "laban", password: rand.Text()}
	if bin, searched, ok := findRabbitMQ(); ok {
		r.host, err = newNativeRabbitMQ(bin, r, ports[2], ports[3])
	} else if docker, why := findDocker(ctx); why == nil {
		r.host, err = newRabbitMQContainer(ctx, docker, r)
	} else {
		err = &MissingError{
			Server: "RabbitMQ", Searched: searched, Docker: why,
			Install: "Run make deps, or install it (on Debian: apt-get install rabbitmq-server), or name the folder of its programs in LABAN_RABBITMQ_DIR, or a node that runs in LABAN_TEST_AMQP_URL",
		}
	}
	if err != nil {
		return nil, err
	}
	return r, nil
}

// URL is the address of the default vhost, with user and password.
func (r *RabbitMQ) URL() string {
	u := url.URL{Scheme: "amqp", User: url.UserPassword(r.user, r.password), Host: address(r.port), Path: "/"}
	return u.String()
}

// ManagementURL is the address of the management API's server, with user and
// password and without a path.
func (r *RabbitMQ) ManagementURL() string {
	u := url.URL{Scheme: "http", User: url.UserPassword(r.user, r.password), Host: address(r.managementPort)}
	return u.String()
}

// Start starts the node, on the same ports and with the data it had, and
// returns when it accepts connections.
func (r *RabbitMQ) Start(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if err := r.host.start(ctx); err != nil {
		return fmt.Errorf("start RabbitMQ: %w", err)
	}
	if err := until(ctx, "it accepts connections", func() error { return r.ready(ctx) }); err != nil {
		return fmt.Errorf("start RabbitMQ: %w", err)
	}
	return nil
}

// ready returns nil if the node answers over AMQP and HTTP.
func (r *RabbitMQ) ready(ctx context.Context) error {
	if err := r.host.alive(); err != nil {
		return deadError{err}
	}
	if err := answers(ctx, r.ManagementURL()+"/api/overview", http.StatusOK); err != nil {
		return err
	}
	conn, err := amqp.DialConfig(r.URL(), amqp.Config{Dial: amqp.DefaultDial(5 * time.Second)})
	if err != nil {
		return err
	}
	return conn.Close()
}

// Stop shuts the node down in order; it keeps its data.
func (r *RabbitMQ) Stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, stopTimeout)
	defer cancel()
	if err := r.host.stop(ctx); err != nil {
		return fmt.Errorf("stop RabbitMQ: %w", err)
	}
	return nil
}

// Kill ends the node at once, by SIGKILL; it keeps its data.
func (r *RabbitMQ) Kill(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, stopTimeout)
	defer cancel()
	if err := r.host.kill(ctx); err != nil {
		return fmt.Errorf("kill RabbitMQ: %w", err)
	}
	return nil
}

// Control runs rabbitmqctl with the arguments and returns what it prints.
func (r *RabbitMQ) Control(ctx context.Context, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, controlTimeout)
	defer cancel()
	out, err := r.host.control(ctx, args...)
	if err != nil {
		return out, fmt.Errorf("rabbitmqctl %s: %w", args[0], err)
	}
	return out, nil
}

// Log returns the last lines of the node's log.
func (r *RabbitMQ) Log() string { return r.host.log() }

// Close ends the node and removes its data.
func (r *RabbitMQ) Close() { r.host.close() }

func address(port int) string { return net.JoinHostPort(loopback, strconv.Itoa(port)) }

// answers returns nil if a GET of the address gives the status.
func answers(ctx context.Context, rawURL string, status int) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, rawURL, http.NoBody)
	if err != nil {
		return err
	}
	// Kept connections would keep goroutines.
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		var inner *url.Error // its text has the password
		if errors.As(err, &inner) {
			err = inner.Err
		}
		return err
	}
	_ = resp.Body.Close()
	if resp.StatusCode != status {
		return fmt.Errorf("HTTP status %s", resp.Status)
	}
	return nil
}
