package membus_test

import (
	"context"
	"fmt"

	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
	"github.com/laban-io/laban/pkg/membus"
)

// Two services in one process: each has its own connection to the broker.
func Example() {
	broker := membus.New(membus.Config{})
	defer broker.Close()
	ctx, stop := context.WithCancel(context.Background())
	defer stop()

	payment, err := bus.New(bus.Config{Service: "payment"}, broker.Connect())
	if err != nil {
		panic(err)
	}
	paid := make(chan string)
	payment.HandleFunc(func(_ context.Context, e event.Event) error {
		paid <- e.Subject
		return nil
	}, "order.placed")
	ended := make(chan error)
	go func() { ended <- payment.Run(ctx) }()
	<-payment.Consuming()

	order, err := bus.New(bus.Config{Service: "order"}, broker.Connect())
	if err != nil {
		panic(err)
	}
	flow, _ := order.StartFlow(ctx, "order", "1042")
	if err := order.Publish(flow, event.New("order.placed", nil)); err != nil {
		panic(err)
	}
	fmt.Println("paid for order", <-paid)
	stop()
	fmt.Println("stopped:", <-ended)
	// Output:
	// paid for order 1042
	// stopped: <nil>
}

// What goes wrong can be looked at, and brought about.
func ExampleBroker_Parked() {
	broker := membus.New(membus.Config{})
	defer broker.Close()
	ctx, stop := context.WithCancel(context.Background())
	payment, err := bus.New(bus.Config{Service: "payment", MaxAttempts: 1}, broker.Connect())
	if err != nil {
		panic(err)
	}
	settled := make(chan struct{})
	payment.HandleFunc(func(context.Context, event.Event) error {
		defer close(settled)
		return fmt.Errorf("the card has expired")
	}, "order.placed")
	ended := make(chan error)
	go func() { ended <- payment.Run(ctx) }()
	<-payment.Consuming()
	if err := payment.Publish(ctx, event.New("order.placed", nil)); err != nil {
		panic(err)
	}
	<-settled
	stop()
	<-ended
	for _, m := range broker.Parked("payment") {
		fmt.Println(m.Event.Type, "attempt", m.Headers[bus.HeaderAttempt])
		fmt.Println(m.Headers[bus.HeaderError])
	}
	// Output:
	// order.placed attempt 1
	// all attempts failed: attempt 1: the card has expired
}
