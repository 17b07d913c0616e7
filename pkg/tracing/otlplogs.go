package tracing

import (
	"context"
	"fmt"
	"log/slog"
	"os"

	"go.opentelemetry.io/contrib/bridges/otelslog"
	"go.opentelemetry.io/contrib/exporters/autoexport"
	"go.opentelemetry.io/otel"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	"go.opentelemetry.io/otel/sdk/resource"
)

// startLogs exports the log lines as well, where the environment asks for it.
func (t *Telemetry) startLogs(ctx context.Context, cfg Config, res *resource.Resource, own slog.Handler) error {
	if !logsWanted() {
		return nil
	}
	exporter, err := autoexport.NewLogExporter(ctx)
	if err != nil {
		return fmt.Errorf("export logs: OTEL_LOGS_EXPORTER is %q (otlp, console or none): %w", os.Getenv("OTEL_LOGS_EXPORTER"), err)
	}
	provider := sdklog.NewLoggerProvider(
		sdklog.WithResource(res),
		sdklog.WithProcessor(sdklog.NewBatchProcessor(reportingLogExporter{exporter, t.errors})),
	)
	t.stop(stage{"logs", provider.ForceFlush, provider.Shutdown})
	if !cfg.Local {
		otel.SetLoggerProvider(provider)
	}
	// The bridge knows the trace and span of a line by itself.
	bridge := otelslog.NewHandler(ScopeName, otelslog.WithLoggerProvider(provider), otelslog.WithVersion(Version))
	t.Logger = slog.New(slog.NewMultiHandler(
		NewLogHandler(own),
		&logHandler{next: bridge, outside: bridge, level: cfg.LogLevel},
	))
	return nil
}

// reportingLogExporter reports errors and returns none; see countingExporter.
type reportingLogExporter struct {
	sdklog.Exporter
	errors *errorLog
}

func (e reportingLogExporter) Export(ctx context.Context, records []sdklog.Record) error {
	e.errors.report(signalLogs, e.Exporter.Export(ctx, records))
	return nil
}
