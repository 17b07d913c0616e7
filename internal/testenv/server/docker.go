package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

// Images that stand in for servers which are not installed. The variable names
// another.
const (
	rabbitMQImage   = "rabbitmq:4.2-management"
	postgreSQLImage = "postgres:16"
	jaegerImage     = "jaegertracing/jaeger:2.13.0"
)

// pullTimeout is how long getting an image may take.
const pullTimeout = 10 * time.Minute

func image(variable, byDefault string) string {
	if name := os.Getenv(variable); name != "" {
		return name
	}
	return byDefault
}

// findDocker returns the path of docker's command line if an engine answers,
// and why it does not otherwise.
func findDocker(ctx context.Context) (string, error) {
	path, err := exec.LookPath("docker")
	if err != nil {
		return "", errors.New("there is no docker command")
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if _, err := docker(ctx, path, nil, "version", "--format", "{{.Server.Version}}"); err != nil {
		return "", fmt.Errorf("no engine answers: %w", err)
	}
	return path, nil
}

// docker runs the command line and returns what it prints.
func docker(ctx context.Context, path string, env []string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = append(os.Environ(), env...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("docker %s: %w: %s", args[0], err, bytes.TrimSpace(stderr.Bytes()))
	}
	return strings.TrimSpace(stdout.String()), nil
}

// pull gets an image unless it is there already.
func pull(ctx context.Context, path, name string) error {
	if _, err := docker(ctx, path, nil, "image", "inspect", "--format", "{{.Id}}", name); err == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, pullTimeout)
	defer cancel()
	_, err := docker(ctx, path, nil, "pull", "--quiet", name)
	return err
}

// container is a server in a Docker container, on a leash.
type container struct {
	docker string
	image  string // pulled already
	// env is the server's settings. They are handed over through docker's own
	// environment, since a command line can be read by everybody.
	env []string
	// publish maps ports of loopback to the container's.
	publish map[int]int
	args    []string // after the image

	leash *leash
	id    string
}

// start creates the container, or starts it again with the data it had.
func (c *container) start(ctx context.Context) error {
	if c.id != "" {
		_, err := docker(ctx, c.docker, nil, "start", c.id)
		return err
	}
	folder, err := newFolder("docker")
	if err != nil {
		return err
	}
	if c.leash, err = newLeash(folder); err != nil {
		_ = os.RemoveAll(folder)
		return err
	}
	args := []string{"create", "--init"}
	for host, inner := range c.publish {
		args = append(args, "--publish", fmt.Sprintf("%s:%d:%d", loopback, host, inner))
	}
	for _, setting := range c.env {
		name, _, _ := strings.Cut(setting, "=")
		args = append(args, "--env", name)
	}
	args = append(append(args, c.image), c.args...)
	if c.id, err = docker(ctx, c.docker, c.env, args...); err != nil {
		return err
	}
	c.leash.tieContainer(c.id)
	_, err = docker(ctx, c.docker, nil, "start", c.id)
	return err
}

func (c *container) alive() error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	state, err := docker(ctx, c.docker, nil, "inspect", "--format", "{{.State.Status}}", c.id)
	if err != nil {
		return err
	}
	if state == "running" {
		return nil
	}
	return fmt.Errorf("the container of %s is %s; the end of its log:\n%s", c.image, state, c.log())
}

// log returns the last lines that the server wrote.
func (c *container) log() string {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, c.docker, "logs", "--tail", "40", c.id)
	out, err := cmd.CombinedOutput() // servers log to standard error, too
	if err != nil {
		return fmt.Sprintf("(docker logs: %v)", err)
	}
	return string(bytes.TrimSpace(out))
}

func (c *container) stop(ctx context.Context) error {
	_, err := docker(ctx, c.docker, nil, "stop", "--time", "50", c.id)
	return err
}

func (c *container) kill(ctx context.Context) error {
	_, err := docker(ctx, c.docker, nil, "kill", c.id)
	return err
}

// run runs a command inside the container.
func (c *container) run(ctx context.Context, args ...string) (string, error) {
	return docker(ctx, c.docker, nil, append([]string{"exec", c.id}, args...)...)
}

func (c *container) close() {
	if c.leash != nil {
		c.leash.cut()
	}
}

// rabbitMQContainer is a RabbitMQ node in a container.
type rabbitMQContainer struct{ container }

func newRabbitMQContainer(ctx context.Context, docker string, r *RabbitMQ) (*rabbitMQContainer, error) {
	name := image("LABAN_TEST_RABBITMQ_IMAGE", rabbitMQImage)
	if err := pull(ctx, docker, name); err != nil {
		return nil, err
	}
	return &rabbitMQContainer{container{
		docker:  docker,
		image:   name,
		env:     []string{"RABBITMQ_DEFAULT_USER=" + r.user, "RABBITMQ_DEFAULT_PASS=" + r.password},
		publish: map[int]int{r.port: 5672, r.managementPort: 15672},
	}}, nil
}

func (c *rabbitMQContainer) control(ctx context.Context, args ...string) (string, error) {
	return c.run(ctx, append([]string{"rabbitmqctl"}, args...)...)
}
