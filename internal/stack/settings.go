package stack

import (
	"bufio"
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/laban-io/laban/internal/testenv/server"
)

// Settings are the variables of deploy/compose/.env, with those of the
// environment before them, and a few ports that containers need not publish.
type Settings map[string]string

// inner are ports that stay inside of a container.
func inner() map[string]string {
	return map[string]string{
		"RABBITMQ_DIST_PORT": "25672", "EPMD_PORT": "4370", "JAEGER_GRPC_PORT": "16685", "JAEGER_HEALTH_PORT": "13133",
	}
}

// ReadSettings reads the file. Variables that it has are taken from the
// environment where they are set there.
func ReadSettings(path string, lookup func(string) (string, bool)) (Settings, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read the settings: %w", err)
	}
	defer func() { _ = file.Close() }()
	s := Settings(inner())
	lines := bufio.NewScanner(file)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, value, ok := strings.Cut(line, "=")
		if !ok {
			return nil, fmt.Errorf("%s:%d: not of the form NAME=value", path, n)
		}
		s[name] = value
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	for name := range s {
		if value, ok := lookup(name); ok && value != "" {
			s[name] = value
		}
	}
	return s, s.validate()
}

// validate finds ports that are none, or are the same.
func (s Settings) validate() error {
	taken := map[int]string{}
	for _, name := range s.portNames() {
		port, err := strconv.Atoi(s[name])
		if err != nil || port < 1 || port > 65535 {
			return fmt.Errorf("%s=%q is no port: it is a number from 1 to 65535", name, s[name])
		}
		if other, twice := taken[port]; twice {
			return fmt.Errorf("%s and %s are both %d", other, name, port)
		}
		taken[port] = name
	}
	return nil
}

func (s Settings) portNames() []string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(s)) {
		if strings.HasSuffix(name, "_PORT") {
			names = append(names, name)
		}
	}
	return names
}

// useFreePorts puts ports that nobody listens on in place of all.
func (s Settings) useFreePorts(ctx context.Context) error {
	names := s.portNames()
	ports, err := server.FreePorts(ctx, len(names))
	if err != nil {
		return err
	}
	for i, name := range names {
		s[name] = strconv.Itoa(ports[i])
	}
	return nil
}

// at returns the address of the port with that name.
func (s Settings) at(port string) string { return "127.0.0.1:" + s[port] }

// url returns the address for HTTP of the port with that name.
func (s Settings) url(port string) string { return "http://" + s.at(port) }

// page is url for people: browsers keep what they know by this name.
func (s Settings) page(port string) string { return "http://localhost:" + s[port] }
