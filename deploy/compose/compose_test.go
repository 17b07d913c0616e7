package compose

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/stack"
)

// load reads compose.yaml as docker compose does, with no variables but those of
// .env and all profiles on.
func load(t *testing.T) *types.Project {
	t.Helper()
	options, err := cli.NewProjectOptions([]string{"compose.yaml"},
		cli.WithEnvFiles(".env"), cli.WithDotEnv, cli.WithProfiles([]string{"*"}), cli.WithResolvedPaths(true))
	require.NoError(t, err)
	project, err := options.LoadProject(t.Context())
	require.NoError(t, err)
	require.NotEmpty(t, project.Services)
	return project
}

func text(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(content)
}

// settings returns the variables of .env.
func settings(t *testing.T) []string {
	t.Helper()
	var names []string
	for _, m := range regexp.MustCompile(`(?m)^([A-Z_0-9]+)=`).FindAllStringSubmatch(text(t, ".env"), -1) {
		require.NotContains(t, names, m[1], "twice in .env")
		names = append(names, m[1])
	}
	return names
}

func TestEverySettingIsUsedAndEveryVariableIsSet(t *testing.T) {
	var used []string
	for _, m := range regexp.MustCompile(`\$\{([A-Z_0-9]+)`).FindAllStringSubmatch(text(t, "compose.yaml"), -1) {
		if !slices.Contains(used, m[1]) {
			used = append(used, m[1])
		}
	}
	require.ElementsMatch(t, settings(t), used)
}

func TestEveryImageIsPinned(t *testing.T) {
	version := regexp.MustCompile(`^[a-z./-]+:v?\d+(\.\d+)+(-[a-z]+)?$`)
	for name, service := range load(t).Services {
		if service.Build != nil {
			require.Equal(t, "laban:local", service.Image, name)
			require.FileExists(t, filepath.Join(service.Build.Context, service.Build.Dockerfile))
			continue
		}
		require.Regexp(t, version, service.Image, name)
	}
	for _, m := range regexp.MustCompile(`(?m)^FROM (\S+)`).FindAllStringSubmatch(text(t, "../Dockerfile"), -1) {
		require.Regexp(t, `^(scratch|golang:\$\{GO_VERSION\}-bookworm)$`, m[1])
	}
	require.Regexp(t, `(?m)^ARG GO_VERSION=1\.\d+\.\d+$`, text(t, "../Dockerfile"))
}

func TestEveryServiceIsCheckedAndBounded(t *testing.T) {
	for name, service := range load(t).Services {
		require.NotNil(t, service.HealthCheck, name)
		require.NotEmpty(t, service.HealthCheck.Test, name)
		require.False(t, service.HealthCheck.Disable, name)
		require.Positive(t, service.MemLimit, name)
		require.Positive(t, service.PidsLimit, name)
		require.False(t, service.Privileged, name)
		if service.Build != nil {
			require.True(t, service.ReadOnly, name)
			require.Equal(t, []string{"ALL"}, service.CapDrop, name)
			require.Equal(t, "/laban", service.HealthCheck.Test[1], "%s: the image has no shell", name)
		}
		for other, how := range service.DependsOn {
			require.Equal(t, types.ServiceConditionHealthy, how.Condition, "%s needs %s", name, other)
		}
	}
}

func TestNothingIsPublishedBeyondLoopback(t *testing.T) {
	published := make(map[string]string)
	for name, service := range load(t).Services {
		require.Empty(t, service.NetworkMode, name)
		for _, port := range service.Ports {
			require.Equal(t, "127.0.0.1", port.HostIP, "%s publishes %d", name, port.Target)
			require.NotContains(t, published, port.Published, "%s and %s", name, published[port.Published])
			published[port.Published] = name
		}
	}
	require.NotEmpty(t, published)
}

func TestEveryMountedFileExists(t *testing.T) {
	mounted := 0
	for name, service := range load(t).Services {
		for _, volume := range service.Volumes {
			if volume.Type != types.VolumeTypeBind {
				continue
			}
			mounted++
			require.True(t, volume.ReadOnly, "%s may write to %s", name, volume.Source)
			_, err := os.Stat(volume.Source)
			require.NoError(t, err, name)
		}
	}
	require.Greater(t, mounted, 8)
}

// TestProfiles: what places orders or makes faults is asked for.
func TestProfiles(t *testing.T) {
	for name, service := range load(t).Services {
		switch name {
		case "load":
			require.Equal(t, []string{"load"}, service.Profiles)
		case "payment-slow":
			require.Equal(t, []string{"faults"}, service.Profiles)
			require.Empty(t, service.Ports)
		default:
			require.Empty(t, service.Profiles, name)
		}
	}
}

// TestPrometheusScrapesWhatThereIs: every target is a container's own port.
func TestPrometheusScrapesWhatThereIs(t *testing.T) {
	services := load(t).Services
	targets := regexp.MustCompile(`targets: \["([a-z]+):(\d+)"\]`).FindAllStringSubmatch(text(t, "prometheus/prometheus.yml"), -1)
	require.NotEmpty(t, targets)
	scraped := make(map[string]bool)
	for _, m := range targets {
		service, ok := services[m[1]]
		require.True(t, ok, m[0])
		require.True(t, slices.ContainsFunc(service.Ports, func(p types.ServicePortConfig) bool {
			return m[2] == portText(p.Target)
		}), "%s has no port %s", m[1], m[2])
		scraped[m[1]] = true
	}
	for _, name := range []string{"order", "inventory", "payment", "delivery", "notification", "observer", "rabbitmq", "jaeger"} {
		require.True(t, scraped[name], name)
	}
}

func portText(port uint32) string { return strconv.FormatUint(uint64(port), 10) }

// TestTheStackKnowsEveryContainer: make stack reads the same files, so it has to
// know what stands for each container's address.
func TestTheStackKnowsEveryContainer(t *testing.T) {
	known := stack.Containers()
	for name, service := range load(t).Services {
		for _, port := range service.Ports {
			if strings.HasPrefix(name, "payment-") {
				continue
			}
			address := name + ":" + portText(port.Target)
			switch address {
			case "rabbitmq:5672", "jaeger:4317", "jaeger:4318": // only in variables of the environment
				continue
			}
			variable, ok := known[address]
			require.True(t, ok, address)
			require.Contains(t, text(t, "compose.yaml"), "127.0.0.1:${"+variable+"}:"+portText(port.Target), address)
		}
	}
}

// TestLinksLeadToTheSettingsPorts: a static file of Jaeger's has no variables.
func TestLinksLeadToTheSettingsPorts(t *testing.T) {
	require.Contains(t, text(t, ".env"), "\nOBSERVER_PORT=7070\n")
	links := regexp.MustCompile(`http://localhost:(\d+)`).FindAllStringSubmatch(text(t, "jaeger/ui.json"), -1)
	require.NotEmpty(t, links)
	for _, m := range links {
		require.Equal(t, "7070", m[1])
	}
}

// TestEachServiceHasItsDatabase: and the password and user of that one only.
func TestEachServiceHasItsDatabase(t *testing.T) {
	script := text(t, "postgresql/init.sql")
	seen := 0
	for name, service := range load(t).Services {
		for _, variable := range []string{"DATABASE_URL", "LEDGER_URL"} {
			value := service.Environment[variable]
			if value == nil {
				continue
			}
			m := regexp.MustCompile(`^postgres://(\w+):[^@]+@postgres:5432/(\w+)\?`).FindStringSubmatch(*value)
			require.NotNil(t, m, "%s: %s", name, variable)
			require.Equal(t, m[1], m[2], name)
			require.Regexp(t, `CREATE DATABASE `+m[2]+`\s+OWNER `+m[1]+`;`, script)
			seen++
		}
	}
	require.Equal(t, 7, seen)
}
