package stack

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/laban-io/laban/internal/testenv/server"
)

func (s *Stack) jaeger() part {
	return part{
		name: "jaeger", what: "traces", page: s.settings.page("JAEGER_PORT"), signal: syscall.SIGTERM, patience: 5 * time.Second,
		command: func() (*exec.Cmd, error) {
			bin, err := server.JaegerProgram()
			if err != nil {
				return nil, err
			}
			cmd := exec.Command(bin, "--config", "file:"+s.file("config/jaeger.yaml")) //nolint:noctx // lives on
			cmd.Dir = s.folder
			cmd.Env = environment([]string{"OTEL_", "JAEGER_"},
				"PROMETHEUS_URL="+s.settings.url("PROMETHEUS_PORT"), "JAEGER_UI_CONFIG="+s.file("config/jaeger-ui.json"), "JAEGER_LISTEN=127.0.0.1")
			for _, name := range []string{"JAEGER_PORT", "JAEGER_GRPC_PORT", "JAEGER_HEALTH_PORT", "JAEGER_METRICS_PORT", "SPANMETRICS_PORT", "OTLP_GRPC_PORT", "OTLP_HTTP_PORT"} {
				cmd.Env = append(cmd.Env, name+"="+s.settings[name])
			}
			return cmd, nil
		},
		ready: func(ctx context.Context) error {
			return errors.Join(answers(s.settings.url("JAEGER_PORT")+"/api/services")(ctx), accepts(s.settings.at("OTLP_HTTP_PORT"))(ctx))
		},
	}
}

// links are what alerts and pages are linked by.
func (s *Stack) links() []string {
	return []string{
		"LABAN_URL=" + s.settings.page("OBSERVER_PORT"), "JAEGER_URL=" + s.settings.page("JAEGER_PORT"), "GRAFANA_URL=" + s.settings.page("GRAFANA_PORT"),
	}
}

func (s *Stack) prometheus() part {
	return part{
		name: "prometheus", what: "metrics and alerts' rules", page: s.settings.page("PROMETHEUS_PORT"),
		// Before there is an observer it would tell that there is none.
		after:  []string{"alertmanager", "observer"},
		signal: syscall.SIGTERM, patience: 10 * time.Second,
		command: func() (*exec.Cmd, error) {
			bin, err := program("prometheus")
			if err != nil {
				return nil, err
			}
			cmd := exec.Command(bin, //nolint:noctx // lives on
				"--config.file="+s.file("config/prometheus/prometheus.yml"), "--storage.tsdb.path="+s.file("prometheus"),
				"--web.listen-address="+s.settings.at("PROMETHEUS_PORT"), "--web.external-url="+s.settings.page("PROMETHEUS_PORT"),
				// From Prometheus 3 the second one is always on.
				"--enable-feature=exemplar-storage,expand-external-labels")
			cmd.Dir, cmd.Env = s.folder, environment(nil, s.links()...)
			return cmd, nil
		},
		ready: answers(s.settings.url("PROMETHEUS_PORT") + "/-/ready"),
	}
}

func (s *Stack) alertmanager() part {
	return part{
		name: "alertmanager", what: "alerts", page: s.settings.page("ALERTMANAGER_PORT"), after: []string{"mail"}, signal: syscall.SIGTERM, patience: 5 * time.Second,
		command: func() (*exec.Cmd, error) {
			bin, err := program("alertmanager", "prometheus-alertmanager") // Debian has the second
			if err != nil {
				return nil, err
			}
			cmd := exec.Command(bin, //nolint:noctx // lives on
				"--config.file="+s.file("config/alertmanager/alertmanager.yaml"), "--storage.path="+s.file("alertmanager"),
				"--web.listen-address="+s.settings.at("ALERTMANAGER_PORT"), "--web.external-url="+s.settings.page("ALERTMANAGER_PORT"),
				"--cluster.listen-address=") // alone
			cmd.Dir = s.folder
			return cmd, nil
		},
		ready: answers(s.settings.url("ALERTMANAGER_PORT") + "/-/ready"),
	}
}

// grafana returns the part, or false where there is no program: Debian has no
// package of it.
func (s *Stack) grafana() (part, bool) {
	bin, err := program("grafana")
	if err != nil {
		return part{}, false
	}
	home := os.Getenv("GRAFANA_HOME")
	if home == "" {
		home = "/usr/share/grafana"
	}
	return part{
		name: "grafana", what: "dashboards", page: s.settings.page("GRAFANA_PORT"), after: []string{"postgresql", "prometheus", "jaeger"},
		signal: syscall.SIGTERM, patience: 10 * time.Second,
		command: func() (*exec.Cmd, error) {
			cmd := exec.Command(bin, "server", "--homepath", home) //nolint:noctx // lives on
			cmd.Dir = s.folder
			cmd.Env = environment([]string{"GF_"}, append(s.links(),
				"GF_SERVER_HTTP_ADDR=127.0.0.1", "GF_SERVER_HTTP_PORT="+s.settings["GRAFANA_PORT"],
				"GF_PATHS_DATA="+s.file("grafana"), "GF_PATHS_LOGS="+s.file("logs"), "GF_PATHS_PROVISIONING="+s.file("config/grafana/provisioning"),
				"GF_SECURITY_ADMIN_PASSWORD="+s.settings["GRAFANA_ADMIN_PASSWORD"], "GRAFANA_DB_PASSWORD="+s.settings["GRAFANA_DB_PASSWORD"],
				"GF_ANALYTICS_REPORTING_ENABLED=false", "GF_ANALYTICS_CHECK_FOR_UPDATES=false")...)
			return cmd, nil
		},
		ready: answers(s.settings.url("GRAFANA_PORT") + "/api/health"),
	}, true
}

// program finds a program by the first of its names that is there. Packages put
// some where only root's PATH leads.
func program(names ...string) (string, error) {
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
		for _, folder := range []string{"/usr/sbin", "/usr/local/sbin", "/usr/share/grafana/bin"} {
			if path, err := exec.LookPath(filepath.Join(folder, name)); err == nil {
				return path, nil
			}
		}
	}
	return "", fmt.Errorf("%s is not on PATH; make stack installs what it needs on Debian", names[0])
}
