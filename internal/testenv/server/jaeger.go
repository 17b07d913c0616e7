package server

import (
	"context"
	_ "embed"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// JaegerVersion is the version of Jaeger's Go module from which make deps
// builds it. It is Jaeger 2.13.
const JaegerVersion = "v1.76.0"

//go:embed jaeger.yaml
var jaegerConfig string

// Jaeger is a Jaeger that keeps traces in memory.
type Jaeger struct {
	host                      jaegerHost
	query, otlpGRPC, otlpHTTP int // ports
}

// jaegerHost is what Jaeger runs on: this machine or a container.
type jaegerHost interface {
	start(ctx context.Context) error
	alive() error
	close()
}

// StartJaeger starts Jaeger and returns when it takes spans and answers
// queries.
func StartJaeger(ctx context.Context) (*Jaeger, error) {
	var err error
	for range attempts {
		var j *Jaeger
		if j, err = newJaeger(ctx); err != nil {
			return nil, err
		}
		if err = j.start(ctx); err == nil {
			return j, nil
		}
		j.Close()
		if ctx.Err() != nil {
			break
		}
	}
	return nil, err
}

func newJaeger(ctx context.Context) (*Jaeger, error) {
	ports, err := freePorts(ctx, 4)
	if err != nil {
		return nil, err
	}
	j := &Jaeger{query: ports[0], otlpGRPC: ports[1], otlpHTTP: ports[2]}
	bin, searched, ok := findJaeger()
	if ok {
		j.host, err = newNativeJaeger(bin, j, ports[3])
	} else if docker, why := findDocker(ctx); why == nil {
		j.host, err = newJaegerContainer(ctx, docker, j)
	} else {
		err = &MissingError{
			Server: "Jaeger", Searched: searched, Docker: why,
			Install: "Run make deps, which builds it, or name its program in LABAN_JAEGER_BIN, or one that runs in LABAN_TEST_JAEGER_QUERY_URL and LABAN_TEST_JAEGER_OTLP_URL",
		}
	}
	if err != nil {
		return nil, err
	}
	return j, nil
}

func (j *Jaeger) start(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if err := j.host.start(ctx); err != nil {
		return fmt.Errorf("start Jaeger: %w", err)
	}
	err := until(ctx, "it answers", func() error {
		if err := j.host.alive(); err != nil {
			return deadError{err}
		}
		// A GET is refused, by a receiver that is there: Docker accepts
		// connections before that. The one for gRPC is started before it.
		if err := answers(ctx, j.OTLPEndpoint()+"/v1/traces", http.StatusMethodNotAllowed); err != nil {
			return err
		}
		return answers(ctx, j.QueryURL()+"/api/services", http.StatusOK)
	})
	if err != nil {
		return fmt.Errorf("start Jaeger: %w", err)
	}
	return nil
}

// QueryURL is the address of the query API's server, without a path.
func (j *Jaeger) QueryURL() string { return "http://" + address(j.query) }

// OTLPEndpoint is where spans are sent by OTLP over HTTP; "/v1/traces" is to
// be added, as exporters do.
func (j *Jaeger) OTLPEndpoint() string { return "http://" + address(j.otlpHTTP) }

// OTLPGRPCEndpoint is where spans are sent by OTLP over gRPC.
func (j *Jaeger) OTLPGRPCEndpoint() string { return "http://" + address(j.otlpGRPC) }

// Close ends Jaeger; its traces are gone.
func (j *Jaeger) Close() { j.host.close() }

// JaegerPath is where make deps puts the program it builds.
func JaegerPath() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find the user's cache folder: %w", err)
	}
	return filepath.Join(cache, "laban", "bin", "jaeger-"+JaegerVersion), nil
}

// findJaeger returns Jaeger's program, or where it was searched.
func findJaeger() (bin string, searched []string, ok bool) {
	if bin := os.Getenv("LABAN_JAEGER_BIN"); bin != "" {
		return bin, []string{bin}, executable(bin)
	}
	built, err := JaegerPath()
	if err == nil && executable(built) {
		return built, nil, true
	}
	if bin, err := exec.LookPath("jaeger"); err == nil {
		return bin, nil, true
	}
	return "", []string{built, "PATH"}, false // built is empty where there is no home
}

// nativeJaeger is Jaeger on this machine.
type nativeJaeger struct {
	bin     string
	folder  string
	leash   *leash
	process *process
}

func newNativeJaeger(bin string, j *Jaeger, queryGRPC int) (*nativeJaeger, error) {
	folder, err := newFolder("jaeger")
	if err != nil {
		return nil, err
	}
	n := &nativeJaeger{bin: bin, folder: folder}
	config := strings.NewReplacer(
		"QUERY_HTTP", address(j.query),
		"QUERY_GRPC", address(queryGRPC),
		"OTLP_HTTP", address(j.otlpHTTP),
		"OTLP_GRPC", address(j.otlpGRPC),
	).Replace(jaegerConfig)
	if err := os.WriteFile(n.config(), []byte(config), 0o600); err != nil {
		_ = os.RemoveAll(folder)
		return nil, fmt.Errorf("write Jaeger's configuration: %w", err)
	}
	if n.leash, err = newLeash(folder); err != nil {
		_ = os.RemoveAll(folder)
		return nil, err
	}
	return n, nil
}

func (n *nativeJaeger) config() string { return filepath.Join(n.folder, "jaeger.yaml") }

func (n *nativeJaeger) start(context.Context) error {
	cmd := exec.Command(n.bin, "--config", "file:"+n.config()) //nolint:noctx // lives on
	cmd.Dir = n.folder
	cmd.Env = environment([]string{"OTEL_", "JAEGER_"}, "GOMAXPROCS="+strconv.Itoa(2))
	var err error
	n.process, err = start(n.leash, "KILL", filepath.Join(n.folder, "log"), cmd)
	return err
}

func (n *nativeJaeger) alive() error { return n.process.alive() }

func (n *nativeJaeger) close() {
	n.leash.cut()
	if n.process != nil {
		n.process.reap()
	}
}

func newJaegerContainer(ctx context.Context, docker string, j *Jaeger) (*container, error) {
	name := image("LABAN_TEST_JAEGER_IMAGE", jaegerImage)
	if err := pull(ctx, docker, name); err != nil {
		return nil, err
	}
	return &container{
		docker:  docker,
		image:   name,
		env:     []string{"JAEGER_LISTEN_HOST=0.0.0.0"}, // within the container
		publish: map[int]int{j.query: 16686, j.otlpGRPC: 4317, j.otlpHTTP: 4318},
	}, nil
}
