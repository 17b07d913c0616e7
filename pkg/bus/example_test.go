package bus_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
	"github.com/laban-io/laban/pkg/membus"
)

// Order and Payment are the data of two events.
type (
	Order struct {
		ID     string `json:"id"`
		Amount int    `json:"amount"`
	}
	Payment struct {
		Amount int `json:"amount"`
	}
)

// A whole service: it reacts to what was ordered and emits what it did. Flow,
// causation and trace travel along by themselves.
func Example() {
	broker := membus.New(membus.Config{}) // or amqpbus.Open(ctx, …)
	defer broker.Close()
	ctx, stop := context.WithCancel(context.Background())

	payment, err := bus.New(bus.Config{Service: "payment", Version: "1.4.2"}, broker.Connect())
	if err != nil {
		panic(err)
	}
	payment.Handle(bus.Typed(func(ctx context.Context, _ event.Event, o Order) error {
		return payment.Publish(ctx, event.New("payment.confirmed", Payment{o.Amount}))
	}), "order.placed")
	ended := make(chan error)
	go func() { ended <- payment.Run(ctx) }()

	// Around it: somebody who orders, and somebody who waits for the payment.
	order, err := bus.New(bus.Config{Service: "order"}, broker.Connect())
	if err != nil {
		panic(err)
	}
	confirmed := make(chan event.Event)
	order.HandleFunc(func(_ context.Context, e event.Event) error {
		confirmed <- e
		return nil
	}, "payment.*")
	go func() { ended <- order.Run(ctx) }()
	<-payment.Consuming()
	<-order.Consuming()
	flow, f := order.StartFlow(ctx, "order", "1042")
	if err := order.Publish(flow, event.New("order.placed", Order{"1042", 4900})); err != nil {
		panic(err)
	}
	e := <-confirmed
	fmt.Println(e.Source, e.ServiceVersion, "says", e.Type, "of", e.Subject, string(e.Data))
	fmt.Println("same flow:", e.Flow() == f.String())
	stop()
	fmt.Println(<-ended, <-ended)
	// Output:
	// payment 1.4.2 says payment.confirmed of 1042 {"amount":4900}
	// same flow: true
	// <nil> <nil>
}

// What a handler's error means for its message.
func ExamplePermanent() {
	var (
		errBusy    = errors.New("the provider is busy")
		errUnknown = errors.New("no such card")
		errTwice   = errors.New("paid already")
	)
	charge := func(ctx context.Context, e event.Event) error {
		switch e.Subject {
		case "busy":
			return bus.RetryAfter(errBusy, 30*time.Second) // once more, not before that
		case "unknown":
			return bus.Permanent(errUnknown) // a person has to look at it
		case "twice":
			return bus.Drop(errTwice) // nothing is to be done
		default:
			return errors.New("anything else is tried again, at the next retry level")
		}
	}
	for _, subject := range []string{"busy", "unknown", "twice"} {
		fmt.Println(charge(context.Background(), event.New("order.placed", nil).WithSubject(subject)))
	}
	// Output:
	// the provider is busy
	// no such card
	// paid already
}

// Errors that no retry can mend are named once for a service.
func ExampleClassify() {
	errUnknown := errors.New("no such card")
	broker := membus.New(membus.Config{})
	defer broker.Close()
	payment, err := bus.New(bus.Config{
		Service:    "payment",
		Middleware: []bus.Middleware{bus.Classify(errUnknown)},
		Logger:     slog.New(slog.DiscardHandler),
	}, broker.Connect())
	if err != nil {
		panic(err)
	}
	handled := make(chan struct{})
	payment.HandleFunc(func(context.Context, event.Event) error {
		defer close(handled)
		return fmt.Errorf("charge: %w", errUnknown)
	}, "order.placed")
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- payment.Run(ctx) }()
	<-payment.Consuming()
	if err := payment.Publish(ctx, event.New("order.placed", nil)); err != nil {
		panic(err)
	}
	<-handled
	stop()
	<-ended
	fmt.Println(broker.Parked("payment")[0].Headers[bus.HeaderError])
	// Output: charge: no such card
}

// A later request rejoins the flow that an order began: its events belong to the
// same flow and the same trace.
func ExampleWithFlow() {
	broker := membus.New(membus.Config{})
	defer broker.Close()
	order, err := bus.New(bus.Config{Service: "order"}, broker.Connect())
	if err != nil {
		panic(err)
	}
	ctx := context.Background()

	placing, flow := order.StartFlow(ctx, "order", "1042")
	if err := order.Publish(placing, event.New("order.placed", nil)); err != nil {
		panic(err)
	}
	stored := flow // with the order, in the service's database

	cancelling := bus.WithFlow(ctx, stored) // another HTTP request, days later
	if err := order.Publish(cancelling, event.New("order.cancel_requested", nil)); err != nil {
		panic(err)
	}
	all := broker.Unrouted() // nobody else is here
	fmt.Println(all[0].Event.Flow() == all[1].Event.Flow(), all[1].Event.Type, all[1].Event.Subject)
	// Output: true order.cancel_requested 1042
}

// A misspelt event type fails its emitter, instead of stopping a flow.
func ExampleConfig_emits() {
	broker := membus.New(membus.Config{})
	defer broker.Close()
	payment, err := bus.New(bus.Config{Service: "payment", Emits: []string{"payment.confirmed"}}, broker.Connect())
	if err != nil {
		panic(err)
	}
	err = payment.Publish(context.Background(), event.New("payment.confirmd", nil))
	fmt.Println(errors.Is(err, bus.ErrUndeclared))
	// Output: true
}

// Patterns are those of AMQP topics.
func ExampleMatchTopic() {
	fmt.Println(bus.MatchTopic("order.*", "order.placed"))
	fmt.Println(bus.MatchTopic("order.*", "order.item.added"))
	fmt.Println(bus.MatchTopic("order.#", "order.item.added"))
	// Output:
	// true
	// false
	// true
}
