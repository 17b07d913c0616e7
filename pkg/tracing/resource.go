package tracing

import (
	"context"
	"fmt"
	"os"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
)

// newResource says who emits the telemetry. What OTEL_SERVICE_NAME and
// OTEL_RESOURCE_ATTRIBUTES say goes before what the program says, except for
// the name of a service that shares its process with others. The arguments of
// the process are left out: they may hold passwords.
//
// With an error, the resource that comes with it has what could be found out.
func newResource(ctx context.Context, cfg Config) (*resource.Resource, error) {
	own := []attribute.KeyValue{semconv.ServiceName(cfg.Service), semconv.ServiceInstanceID(instance(cfg))}
	if cfg.Version != "" {
		own = append(own, semconv.ServiceVersion(cfg.Version))
	}
	opts := []resource.Option{
		resource.WithTelemetrySDK(),
		resource.WithHost(),
		resource.WithOSType(),
		resource.WithContainer(),
		resource.WithProcessPID(),
		resource.WithProcessExecutableName(),
		resource.WithProcessRuntimeName(),
		resource.WithProcessRuntimeVersion(),
		resource.WithAttributes(own...),
		resource.WithAttributes(cfg.Attributes...),
		resource.WithFromEnv(),
	}
	if cfg.Local {
		opts = append(opts, resource.WithAttributes(own...))
	}
	r, err := resource.New(ctx, opts...)
	if err != nil {
		return r, fmt.Errorf("find out about this process: %w", err)
	}
	return r, nil
}

func instance(cfg Config) string {
	if cfg.Instance != "" {
		return cfg.Instance
	}
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return fmt.Sprintf("%s-%d", host, os.Getpid())
}
