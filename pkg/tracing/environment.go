package tracing

import (
	"os"
	"strconv"
	"strings"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// sdkDisabled tells whether OTEL_SDK_DISABLED turns everything off.
//
// Source: OpenTelemetry specification, "General SDK Configuration".
func sdkDisabled() bool {
	return strings.EqualFold(strings.TrimSpace(os.Getenv("OTEL_SDK_DISABLED")), "true")
}

// wanted tells whether a signal is to be exported: an exporter is named for
// it, or an endpoint of its own. Contrib's autoexport would export to
// localhost where nothing is set, which in most places is an error every few
// seconds. exporter, endpoint are the names of the variables.
func wanted(exporter string, endpoints ...string) bool {
	if name := os.Getenv(exporter); name != "" {
		return name != "none"
	}
	for _, endpoint := range endpoints {
		if os.Getenv(endpoint) != "" {
			return true
		}
	}
	return false
}

// tracesWanted: an endpoint that is common to all signals is for traces, since
// most of those who set one have a Jaeger there.
func tracesWanted() bool {
	return wanted("OTEL_TRACES_EXPORTER", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
}

// metricsWanted: metrics are pushed only where that is asked for, and are in
// the registry anyway. The exporter "prometheus" asks for nothing more.
func metricsWanted() bool {
	return os.Getenv("OTEL_METRICS_EXPORTER") != "prometheus" &&
		wanted("OTEL_METRICS_EXPORTER", "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT")
}

// logsWanted: logs are exported only where that is asked for, and are written
// anyway.
func logsWanted() bool {
	return wanted("OTEL_LOGS_EXPORTER", "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT")
}

// spanQueueSize is OTEL_BSP_MAX_QUEUE_SIZE, or the specification's default.
func spanQueueSize() int {
	if n, err := strconv.Atoi(os.Getenv("OTEL_BSP_MAX_QUEUE_SIZE")); err == nil && n > 0 {
		return n
	}
	return sdktrace.DefaultMaxQueueSize
}

// samplingByParent tells whether the SDK takes a sampler from OTEL_TRACES_SAMPLER
// that follows the parent's: all but three do, and so does its default.
func samplingByParent() bool {
	switch strings.ToLower(strings.TrimSpace(os.Getenv("OTEL_TRACES_SAMPLER"))) {
	case "always_on", "always_off", "traceidratio":
		return false
	default:
		return true
	}
}
