package amqptrace_test

import (
	"context"
	"fmt"

	amqp "github.com/rabbitmq/amqp091-go"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/laban-io/laban/pkg/tracing/amqptrace"
)

// The three lines: one makes the tracer, one wraps the channel that publishes,
// one handles a delivery.
func Example() {
	run := func(ctx context.Context, url string, handle func(context.Context, amqp.Delivery) error) error {
		connection, err := amqp.Dial(url)
		if err != nil {
			return err
		}
		defer func() { _ = connection.Close() }()
		channel, err := connection.Channel()
		if err != nil {
			return err
		}
		tracer := amqptrace.New(amqptrace.WithURL(url)) // 1
		ch := tracer.Channel(channel)                   // 2
		if err := ch.PublishWithContext(ctx, "shop", "order.placed", false, false, amqp.Publishing{Body: []byte("{}")}); err != nil {
			return err
		}
		deliveries, err := ch.ConsumeWithContext(ctx, "payment", "", false, false, false, false, nil)
		if err != nil {
			return err
		}
		for d := range deliveries {
			if err := tracer.Process(ctx, "payment", d, handle); err != nil { // 3
				return err
			}
		}
		return nil
	}
	_ = run
}

func ExampleTracer_Process() {
	spans := tracetest.NewInMemoryExporter()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans))
	tracer := amqptrace.New(amqptrace.WithTracerProvider(provider), amqptrace.WithPropagator(propagation.TraceContext{}))

	message := amqp.Publishing{MessageId: "1", Body: []byte("{}")}
	tracer.Publish(context.Background(), "shop", "order.placed", &message)(nil) // what a Channel does

	delivery := amqp.Delivery{Headers: message.Headers, Exchange: "shop", RoutingKey: "order.placed"} // what a queue does
	err := tracer.Process(context.Background(), "payment", delivery, func(context.Context, amqp.Delivery) error { return nil })

	published, processed := spans.GetSpans()[0], spans.GetSpans()[1]
	fmt.Println(err, published.Name, "→", processed.Name)
	fmt.Println("same trace:", published.SpanContext.TraceID() == processed.SpanContext.TraceID())
	// Output:
	// <nil> publish shop:order.placed → process shop:order.placed:payment
	// same trace: true
}

func ExampleTracer_ProcessBatch() {
	spans := tracetest.NewInMemoryExporter()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans))
	tracer := amqptrace.New(amqptrace.WithTracerProvider(provider), amqptrace.WithPropagator(propagation.TraceContext{}))

	var batch []amqp.Delivery
	for range 3 {
		message := amqp.Publishing{}
		tracer.Publish(context.Background(), "shop", "order.placed", &message)(nil)
		batch = append(batch, amqp.Delivery{Headers: message.Headers, Exchange: "shop", RoutingKey: "order.placed"})
	}
	err := tracer.ProcessBatch(context.Background(), "invoices", batch, func(context.Context, []amqp.Delivery) error { return nil })

	processed := spans.GetSpans()[3]
	fmt.Println(err, processed.Name, "with", len(processed.Links), "links")
	// Output: <nil> process shop:order.placed:invoices with 3 links
}
