package stack

import (
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// services are the order system's, with the user and database of each.
func services() map[string]string {
	return map[string]string{
		"order": "orders", "inventory": "inventory", "payment": "payment", "delivery": "delivery", "notification": "notification",
	}
}

func (s *Stack) service(name string) part {
	port := strings.ToUpper(name) + "_PORT"
	return part{
		name: name, what: "service", page: s.settings.page(port), after: []string{"postgresql", "rabbitmq", "jaeger", "mail"},
		signal: syscall.SIGTERM, patience: 25 * time.Second, // DRAIN_TIMEOUT is 20 s
		command: func() (*exec.Cmd, error) {
			return s.own(name, nil,
				"HTTP_ADDR="+s.settings.at(port), "DATABASE_URL="+s.databaseURL(services()[name]),
				"INVENTORY_STOCK="+s.settings["INVENTORY_STOCK"], "SMTP_ADDR="+s.settings.at("MAILPIT_SMTP_PORT"))
		},
		ready: answers(s.settings.url(port) + "/readyz"),
	}
}

// own is a program of this repository.
func (s *Stack) own(name string, args []string, env ...string) (*exec.Cmd, error) {
	cmd := exec.Command(filepath.Join(s.programs, name), args...) //nolint:noctx // lives on
	cmd.Dir = s.folder
	cmd.Env = environment([]string{"OTEL_", "LABAN_"}, append(s.links(),
		"AMQP_URL="+s.amqpURL(), "OTEL_EXPORTER_OTLP_ENDPOINT="+s.settings.url("OTLP_HTTP_PORT"),
		// A trace is complete a moment after its order is.
		"OTEL_BSP_SCHEDULE_DELAY=1000")...)
	cmd.Env = append(cmd.Env, env...)
	return cmd, nil
}

func (s *Stack) observer() part {
	return part{
		name: "observer", what: "where every flow is", page: s.settings.page("OBSERVER_PORT"), after: []string{"postgresql", "rabbitmq", "jaeger"},
		signal: syscall.SIGTERM, patience: 15 * time.Second,
		command: func() (*exec.Cmd, error) {
			return s.own("laban", []string{"observe", "--config", s.file("config/observer.yaml")},
				"MANAGEMENT_URL="+s.managementURL(), "LEDGER_URL="+s.databaseURL("ledger"), "LISTEN="+s.settings.at("OBSERVER_PORT"))
		},
		ready: answers(s.settings.url("OBSERVER_PORT") + "/readyz"),
	}
}

func (s *Stack) load() part {
	return part{
		name: "load", what: "customers, " + s.settings["LOAD_RATE"] + " order(s) a second", after: []string{"order", "observer"},
		signal: syscall.SIGTERM, patience: 15 * time.Second,
		command: func() (*exec.Cmd, error) {
			return s.own("laban", []string{"load", "--orders", s.settings.url("ORDER_PORT"), "--rate", s.settings["LOAD_RATE"]})
		},
	}
}
