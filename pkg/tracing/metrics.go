package tracing

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/contrib/exporters/autoexport"
	"go.opentelemetry.io/contrib/instrumentation/runtime"
	"go.opentelemetry.io/otel/attribute"
	promexporter "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
)

// startMetrics makes the meter provider, whose metrics are in the registry, and
// are pushed as well where the environment asks for it.
func (t *Telemetry) startMetrics(ctx context.Context, cfg Config, res *resource.Resource, _ slog.Handler) error {
	registered, err := promexporter.New(promexporter.WithRegisterer(t.Registry))
	if err != nil {
		return fmt.Errorf("put metrics into the registry: %w", err)
	}
	opts := []sdkmetric.Option{sdkmetric.WithResource(res), sdkmetric.WithReader(registered)}
	if metricsWanted() {
		pushed, err := autoexport.NewMetricReader(ctx)
		if err != nil {
			return fmt.Errorf("export metrics: OTEL_METRICS_EXPORTER is %q (otlp, console, prometheus or none): %w",
				os.Getenv("OTEL_METRICS_EXPORTER"), err)
		}
		opts = append(opts, sdkmetric.WithReader(pushed))
	}
	provider := sdkmetric.NewMeterProvider(opts...)
	t.MeterProvider = provider
	t.stop(stage{"metrics", provider.ForceFlush, provider.Shutdown})
	if err := t.measureItself(provider.Meter(ScopeName, metric.WithInstrumentationVersion(Version))); err != nil {
		return fmt.Errorf("make the metrics of telemetry: %w", err)
	}
	if cfg.Local {
		return nil
	}
	if err := runtime.Start(runtime.WithMeterProvider(provider)); err != nil {
		return fmt.Errorf("make the metrics of the Go runtime: %w", err)
	}
	return nil
}

// measureItself makes the metrics of what telemetry could not deliver.
func (t *Telemetry) measureItself(meter metric.Meter) error {
	failures, err1 := meter.Int64ObservableCounter("laban.telemetry.errors",
		metric.WithDescription("Errors of delivering telemetry, and errors that OpenTelemetry reports of itself."),
		metric.WithUnit("{error}"))
	dropped, err2 := meter.Int64ObservableCounter("laban.telemetry.spans.dropped",
		metric.WithDescription("Sampled spans that were not exported."),
		metric.WithUnit("{span}"))
	exported, err3 := meter.Int64ObservableCounter("laban.telemetry.spans.exported",
		metric.WithDescription("Spans that were exported."),
		metric.WithUnit("{span}"))
	if err := errors.Join(err1, err2, err3); err != nil {
		return err
	}
	reason := func(r string) metric.ObserveOption {
		return metric.WithAttributeSet(attribute.NewSet(attribute.String("reason", r)))
	}
	queueFull, exportFailed, shutDown := reason("queue_full"), reason("export_failed"), reason("shut_down")
	_, err := meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		for s := range signals {
			o.ObserveInt64(failures, t.errors.counts[s].Load(), metric.WithAttributes(attribute.String("signal", s.String())))
		}
		o.ObserveInt64(dropped, t.spans.droppedQueueFull.Load(), queueFull)
		o.ObserveInt64(dropped, t.spans.droppedFailed.Load(), exportFailed)
		o.ObserveInt64(dropped, t.spans.droppedLate.Load(), shutDown)
		o.ObserveInt64(exported, t.spans.exported.Load())
		return nil
	}, failures, dropped, exported)
	return err
}

// registerProcess adds the process's own metrics: CPU, memory, file
// descriptors, start time.
func registerProcess(r *prometheus.Registry) error {
	if err := r.Register(collectors.NewProcessCollector(collectors.ProcessCollectorOpts{})); err != nil {
		return fmt.Errorf("register the metrics of the process: %w", err)
	}
	return nil
}

// scrapeTimeout bounds one scrape.
const scrapeTimeout = 10 * time.Second

// newMetricsHandler serves r, in OpenMetrics where the scraper takes it, since
// only that has exemplars. What can be gathered is served also where something
// can't.
func newMetricsHandler(r *prometheus.Registry, errs *errorLog) http.Handler {
	return promhttp.HandlerFor(r, promhttp.HandlerOpts{
		EnableOpenMetrics:   true,
		Registry:            r,
		ErrorHandling:       promhttp.ContinueOnError,
		ErrorLog:            scrapeErrors{errs},
		MaxRequestsInFlight: 10,
		Timeout:             scrapeTimeout,
	})
}

// scrapeErrors takes errors of gathering.
type scrapeErrors struct{ log *errorLog }

func (s scrapeErrors) Println(v ...any) {
	s.log.report(signalSDK, errors.New(fmt.Sprint(v...)))
}
