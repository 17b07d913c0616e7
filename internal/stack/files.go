package stack

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Containers are the addresses that the shared configuration files have, and the
// variables of the ports that stand for them here.
func Containers() map[string]string {
	return map[string]string{
		"rabbitmq:15692": "RABBITMQ_METRICS_PORT", "rabbitmq:15672": "RABBITMQ_MANAGEMENT_PORT",
		"postgres:5432": "POSTGRES_PORT",
		"jaeger:16686":  "JAEGER_PORT", "jaeger:8888": "JAEGER_METRICS_PORT", "jaeger:8889": "SPANMETRICS_PORT",
		"prometheus:9090": "PROMETHEUS_PORT", "alertmanager:9093": "ALERTMANAGER_PORT", "grafana:3000": "GRAFANA_PORT",
		"mailpit:1025": "MAILPIT_SMTP_PORT", "mailpit:8025": "MAILPIT_PORT",
		"order:8081": "ORDER_PORT", "inventory:8082": "INVENTORY_PORT", "payment:8083": "PAYMENT_PORT",
		"delivery:8084": "DELIVERY_PORT", "notification:8085": "NOTIFICATION_PORT", "observer:7070": "OBSERVER_PORT",
	}
}

// pages are the addresses that people's links have in the shared files.
func pages() map[string]string {
	return map[string]string{
		"localhost:7070": "OBSERVER_PORT", "127.0.0.1:7070": "OBSERVER_PORT", "localhost:16686": "JAEGER_PORT", "localhost:3000": "GRAFANA_PORT",
		"localhost:9090": "PROMETHEUS_PORT", "localhost:9093": "ALERTMANAGER_PORT",
	}
}

// here puts this machine's addresses in place of the containers'.
func (s *Stack) here(text string) string {
	var pairs []string
	for address, port := range Containers() {
		pairs = append(pairs, address, s.settings.at(port))
	}
	for address, port := range pages() {
		pairs = append(pairs, address, "localhost:"+s.settings[port])
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// copyFile copies a file of the repository into the run folder.
func (s *Stack) copyFile(from, to, more string) error {
	text, err := os.ReadFile(filepath.Join(s.source, from))
	if err != nil {
		return fmt.Errorf("read the shared configuration: %w", err)
	}
	path := s.file(to)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(s.here(string(text))+more), 0o600)
}

// copyFolder copies all files under a folder of the repository.
func (s *Stack) copyFolder(from, to string) error {
	base := filepath.Join(s.source, from)
	return filepath.WalkDir(base, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		inside, err := filepath.Rel(base, path)
		if err != nil {
			return err
		}
		return s.copyFile(filepath.Join(from, inside), filepath.Join(to, inside), "")
	})
}

// configure writes all configuration files anew.
func (s *Stack) configure() error {
	if err := os.RemoveAll(s.file("config")); err != nil {
		return err
	}
	for _, f := range []struct{ from, to, more string }{
		{"deploy/compose/observer.yaml", "config/observer.yaml", ""},
		{"services/order.choreography.yaml", "config/contracts/order.choreography.yaml", ""},
		{"deploy/compose/jaeger/jaeger.yaml", "config/jaeger.yaml", ""},
		{"deploy/compose/jaeger/ui.json", "config/jaeger-ui.json", ""},
		{"deploy/compose/prometheus/prometheus.yml", "config/prometheus/prometheus.yml", ""},
		{"deploy/compose/rabbitmq/enabled_plugins", "config/rabbitmq/enabled_plugins", ""},
		{"deploy/compose/rabbitmq/rabbitmq.conf", "config/rabbitmq/rabbitmq.conf", s.rabbitMQPlaces()},
		{"deploy/compose/postgresql/init.sql", "config/postgresql/init.sql", ""},
	} {
		if err := s.copyFile(f.from, f.to, f.more); err != nil {
			return err
		}
	}
	for from, to := range map[string]string{
		"dashboards/prometheus": "config/prometheus/rules", "dashboards/alertmanager": "config/alertmanager",
		"dashboards/grafana": "config/grafana",
	} {
		if err := s.copyFolder(from, to); err != nil {
			return err
		}
	}
	return nil
}
