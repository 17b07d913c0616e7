package marker

import (
	"context"
	"fmt"
	"os"
	"strings"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
)

// Client sends spans to a collector. It does not try again: that is the
// [Exporter]'s.
type Client interface {
	// UploadTraces sends spans. It returns an error unless the collector took
	// all of them.
	UploadTraces(ctx context.Context, spans []*tracepb.ResourceSpans) error
	// Stop ends the client.
	Stop(ctx context.Context) error
}

// Dial returns a client for the collector that the environment names, or false
// where it names none. It does not connect yet.
//
// It honours OTEL_SDK_DISABLED; OTEL_TRACES_EXPORTER, where anything but "otlp"
// turns markers off; OTEL_EXPORTER_OTLP_TRACES_PROTOCOL and
// OTEL_EXPORTER_OTLP_PROTOCOL; and all that OpenTelemetry's clients read:
// OTEL_EXPORTER_OTLP_ENDPOINT, …_HEADERS, …_TIMEOUT, …_COMPRESSION,
// …_INSECURE, …_CERTIFICATE, …_CLIENT_CERTIFICATE and …_CLIENT_KEY, each also
// as OTEL_EXPORTER_OTLP_TRACES_…. As for the services' spans, nothing is
// exported unless an exporter or an endpoint is named.
func Dial(ctx context.Context) (Client, bool, error) {
	if !wanted() {
		return nil, false, nil
	}
	var client otlptrace.Client
	switch protocol := protocol(); protocol {
	case "http/protobuf":
		client = otlptracehttp.NewClient(otlptracehttp.WithRetry(otlptracehttp.RetryConfig{Enabled: false}))
	case "grpc":
		client = otlptracegrpc.NewClient(otlptracegrpc.WithRetry(otlptracegrpc.RetryConfig{Enabled: false}))
	default:
		return nil, false, fmt.Errorf("export markers: OTEL_EXPORTER_OTLP_PROTOCOL is %q; give http/protobuf or grpc", protocol)
	}
	if err := client.Start(ctx); err != nil {
		return nil, false, fmt.Errorf("export markers: %w; check the OTEL_EXPORTER_OTLP_… variables", err)
	}
	return client, true, nil
}

// wanted follows the rules of package tracing.
func wanted() bool {
	if strings.EqualFold(strings.TrimSpace(os.Getenv("OTEL_SDK_DISABLED")), "true") {
		return false
	}
	if exporter := os.Getenv("OTEL_TRACES_EXPORTER"); exporter != "" {
		return exporter == "otlp"
	}
	return os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") != "" || os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") != ""
}

func protocol() string {
	for _, name := range [...]string{"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"} {
		if value := os.Getenv(name); value != "" {
			return value
		}
	}
	return "http/protobuf"
}
