package demo

import (
	"net/url"
	"os"
	"strings"
)

// tracesTo says where the OTEL_* variables send traces, or returns "" if
// nowhere. Package tracing is who reads them; this is for people.
func tracesTo() string {
	if strings.EqualFold(os.Getenv("OTEL_SDK_DISABLED"), "true") {
		return ""
	}
	endpoint := ""
	for _, name := range []string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"} {
		if endpoint = os.Getenv(name); endpoint != "" {
			break
		}
	}
	switch exporter := os.Getenv("OTEL_TRACES_EXPORTER"); exporter {
	case "none":
		return ""
	case "", "otlp":
		if endpoint == "" && exporter == "otlp" {
			return "the default OTLP endpoint"
		}
		if endpoint == "" {
			return ""
		}
		u, err := url.Parse(endpoint)
		if err != nil {
			return "OTEL_EXPORTER_OTLP_ENDPOINT" // which the exporter will complain of
		}
		return u.Redacted()
	default:
		return exporter
	}
}
