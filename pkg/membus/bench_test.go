package membus_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
	"github.com/laban-io/laban/pkg/membus"
)

// BenchmarkPublishConsume is one event of 512 bytes published in a flow, routed
// to one service, handled and acknowledged.
func BenchmarkPublishConsume(b *testing.B) {
	broker := membus.New(membus.Config{})
	defer broker.Close()
	quiet := slog.New(slog.DiscardHandler)
	publisher, err := bus.New(bus.Config{Service: "order", Logger: quiet}, broker.Connect())
	if err != nil {
		b.Fatal(err)
	}
	consumer, err := bus.New(bus.Config{Service: "payment", Logger: quiet}, broker.Connect())
	if err != nil {
		b.Fatal(err)
	}
	handled := 0
	all := make(chan struct{})
	consumer.HandleFunc(func(context.Context, event.Event) error {
		if handled++; handled == b.N {
			close(all)
		}
		return nil
	}, "order.placed")
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- consumer.Run(ctx) }()
	<-consumer.Consuming()

	e := event.Event{Type: "order.placed", Data: make([]byte, 512), DataContentType: "application/octet-stream"}
	flow, _ := publisher.StartFlow(ctx, "order", "1042")
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		if err := publisher.Publish(flow, e); err != nil {
			b.Fatal(err)
		}
	}
	<-all
	b.StopTimer()
	stop()
	if err := <-ended; err != nil {
		b.Fatal(err)
	}
}

// BenchmarkTransport is the same without the bus: what the broker itself costs.
func BenchmarkTransport(b *testing.B) {
	broker := membus.New(membus.Config{})
	defer broker.Close()
	t := broker.Connect()
	ctx, stop := context.WithCancel(context.Background())
	handled, all, consuming := 0, make(chan struct{}), make(chan struct{})
	ended := make(chan error, 1)
	go func() {
		ended <- t.Consume(ctx, bus.Subscription{
			Queue: "payment", Keys: []string{"order.placed"}, Concurrency: 8,
			Receive: func(ctx context.Context, d *bus.Delivery) {
				if err := d.Settler.Settle(ctx, d, bus.Verdict{}); err != nil {
					b.Error(err)
				}
				if handled++; handled == b.N {
					close(all)
				}
			},
			OnSession: func() { close(consuming) },
		})
	}()
	<-consuming
	m := &bus.Message{RoutingKey: "order.placed", Event: event.Event{
		ID: event.NewID(), Source: "order", Type: "order.placed", Subject: "1042", Time: time.Now(),
		FlowName: "order", FlowID: event.NewID(), ServiceVersion: "1.4.2",
		Data: make([]byte, 512), DataContentType: "application/octet-stream",
	}}
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		t.Send(ctx, m, func(err error) {
			if err != nil {
				b.Error(err)
			}
		})
	}
	<-all
	b.StopTimer()
	stop()
	if err := <-ended; err != nil {
		b.Fatal(err)
	}
}
