package database_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/laban-io/laban/internal/database"
)

func TestTracingShowsStatementsUnderASpanOnly(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		exporter := tracetest.NewInMemoryExporter()
		provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(exporter))
		db, _ := open(t, url, database.WithTracing(provider))
		_, err := db.ExecContext(t.Context(), "CREATE TABLE t (x TEXT)")
		require.NoError(t, err)
		require.Empty(t, exporter.GetSpans(), "nothing that belongs to no trace begins one")

		ctx, parent := provider.Tracer("test").Start(t.Context(), "handle")
		_, err = db.ExecContext(ctx, "INSERT INTO t (x) VALUES ($1)", "s3cret")
		require.NoError(t, err)
		parent.End()
		spans := exporter.GetSpans()
		require.Len(t, spans, 2)
		statement := spans[0]
		require.Equal(t, parent.SpanContext().SpanID(), statement.Parent.SpanID())
		var system, text string
		for _, a := range statement.Attributes {
			switch a.Key {
			case "db.system.name":
				system = a.Value.AsString()
			case "db.query.text":
				text = a.Value.AsString()
			}
			require.NotContains(t, a.Value.String(), "s3cret", "a value is nobody else's business")
		}
		require.Contains(t, []string{"sqlite", "postgresql"}, system)
		require.Equal(t, "INSERT INTO t (x) VALUES ($1)", text)
	})
}

func TestMetricsRecordStatements(t *testing.T) {
	reader := sdkmetric.NewManualReader()
	db, _ := open(t, "sqlite::memory:", database.WithMetrics(sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))))
	_, err := db.Exec("CREATE TABLE t (x TEXT)")
	require.NoError(t, err)
	var data metricdata.ResourceMetrics
	require.NoError(t, reader.Collect(t.Context(), &data))
	require.NotEmpty(t, data.ScopeMetrics)
	found := false
	for _, m := range data.ScopeMetrics[0].Metrics {
		if histogram, ok := m.Data.(metricdata.Histogram[float64]); ok {
			for _, point := range histogram.DataPoints {
				system, _ := point.Attributes.Value(attribute.Key("db.system.name"))
				found = found || point.Count > 0 && system.AsString() == "sqlite"
			}
		}
	}
	require.True(t, found, "%v", data.ScopeMetrics[0].Metrics)
}
