// Package dashboards holds to their promises what this folder gives to others:
// Grafana's dashboards and data sources (grafana/), Prometheus' rules and their
// tests (prometheus/), and Alertmanager's routes and texts (alertmanager/).
//
// The dashboards are made by code: go generate writes them, and a test fails
// where they differ from it. All else is written by hand.
//
// It has no code of its own but tests. They run promtool and amtool, which
// make deps installs.
package dashboards

//go:generate go run ./cmd/generate
