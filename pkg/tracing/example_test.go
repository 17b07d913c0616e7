package tracing_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"

	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
	"github.com/laban-io/laban/pkg/tracing"
)

// Telemetry of a service: set up, attached to its bus, served, and shut down
// when everything else has stopped.
func ExampleStart() {
	run := func(ctx context.Context, transport bus.Transport) error {
		t, err := tracing.Start(ctx, tracing.Config{Service: "payment", Version: "1.4.2", LogFormat: tracing.LogJSON})
		if err != nil {
			return err
		}
		defer func() { _ = t.Shutdown(context.WithoutCancel(ctx)) }()
		http.Handle("/metrics", t.Handler())
		b, err := bus.New(bus.Config{Service: "payment", Hooks: t.Hooks(), Logger: t.Logger}, transport)
		if err != nil {
			return err
		}
		b.HandleFunc(func(ctx context.Context, _ event.Event) error {
			t.Logger.InfoContext(ctx, "charged") // says trace_id, span_id, flow_id
			return b.Publish(ctx, event.New("payment.confirmed", nil))
		}, "stock.confirmed")
		return b.Run(ctx)
	}
	_ = run
}

// Hooks on a set-up of one's own: add a FlowProcessor to the tracer provider.
func ExampleNewHooks() {
	spans := tracetest.NewInMemoryExporter()
	provider := sdktrace.NewTracerProvider(
		sdktrace.WithSpanProcessor(tracing.FlowProcessor()),
		sdktrace.WithSyncer(spans),
	)
	hooks := tracing.NewHooks(tracing.WithTracerProvider(provider), tracing.WithPropagator(propagation.TraceContext{}))
	b, err := bus.New(bus.Config{Service: "order", Hooks: []bus.Hook{hooks}}, newLoop())
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, flow := b.StartFlow(context.Background(), "order", "1042")
	ctx, span := provider.Tracer("example").Start(ctx, "INSERT")
	err = b.Publish(ctx, event.New("order.placed", nil))
	span.End()

	fmt.Println(err, flow.Key)
	for _, s := range spans.GetSpans() {
		for _, a := range s.Attributes {
			if a.Key == tracing.FlowKeyKey {
				fmt.Println(s.Name, "of", a.Value.AsString())
			}
		}
	}
	// Output:
	// <nil> 1042
	// publish events:order.placed of 1042
	// INSERT of 1042
}

// A later request about a flow: its events go into the flow's trace, and its
// own span says what it was about.
func ExampleLinkFlow() {
	cancel := func(ctx context.Context, b *bus.Bus, flow bus.Flow) error {
		tracing.LinkFlow(ctx, flow, "order.id")
		return b.Publish(bus.WithFlow(ctx, flow), event.New("order.cancel_requested", nil))
	}
	_ = cancel
}

func ExampleNewLogHandler() {
	withoutTime := func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}
	logger := slog.New(tracing.NewLogHandler(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: withoutTime})))
	ctx := bus.WithFlow(context.Background(), bus.Flow{Name: "order", ID: "01FLOW", Key: "1042"})
	logger.InfoContext(ctx, "canceled", "by", "customer")
	// Output: level=INFO msg=canceled by=customer flow_id=01FLOW flow_name=order flow_key=1042
}
