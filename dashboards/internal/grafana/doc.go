// Package grafana describes Laban's dashboards, and encodes them as Grafana's
// JSON (schema 39, Grafana 10.4 and later; panel types of the built-in ones).
//
// One question a dashboard: [All] lists them. What is the same everywhere is
// decided here once: variables for data sources, $__rate_interval, exemplars,
// annotations of alerts, what is said where there is nothing to show.
package grafana
