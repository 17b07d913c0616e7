package event_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/laban-io/laban/pkg/event"
)

// A service says what happened and the data that goes with it; the bus fills in
// the rest.
func ExampleNew() {
	e := event.New("payment.confirmed", struct {
		Amount int `json:"amount"`
	}{4900}).WithSubject("1042")
	fmt.Println(e.Type, e.Subject, string(e.Data))
	// Output: payment.confirmed 1042 {"amount":4900}
}

func ExampleEvent_Decode() {
	e := event.Event{ID: "1", Type: "payment.confirmed", Data: []byte(`{"amount":"a lot"}`)}
	var payment struct {
		Amount int `json:"amount"`
	}
	err := e.Decode(&payment)
	fmt.Println("trying again will not help:", errors.Is(err, event.ErrData))
	// Output: trying again will not help: true
}

// How an event travels on AMQP.
func ExampleMarshal() {
	b, err := event.Marshal(event.Event{
		ID: "01KM", Source: "payment", Type: "payment.confirmed", Subject: "1042",
		Time:     time.Date(2026, 1, 2, 3, 4, 5, 600_000_000, time.UTC),
		FlowName: "order", FlowID: "01KF", CausationID: "01KC",
	})
	if err != nil {
		panic(err)
	}
	fmt.Println("routing key:", b.RoutingKey)
	fmt.Println("message-id:", b.MessageID)
	fmt.Println("correlation-id:", b.CorrelationID)
	for _, name := range slices.Sorted(maps.Keys(b.Headers)) {
		fmt.Printf("%s: %v\n", name, b.Headers[name])
	}
	// Output:
	// routing key: payment.confirmed
	// message-id: 01KM
	// correlation-id: 01KF
	// cloudEvents:causationid: 01KC
	// cloudEvents:flowid: 01KF
	// cloudEvents:flowname: order
	// cloudEvents:id: 01KM
	// cloudEvents:source: payment
	// cloudEvents:specversion: 1.0
	// cloudEvents:subject: 1042
	// cloudEvents:time: 2026-01-02T03:04:05.6Z
	// cloudEvents:type: payment.confirmed
}

// A message of a service that knows nothing of CloudEvents is an event, too, if
// it can be told from others.
func ExampleUnmarshal() {
	e, err := event.Unmarshal(event.Binary{
		MessageID: "m-7", AppID: "legacy-shop", RoutingKey: "order.placed",
		ContentType: "application/json", Body: []byte(`{"order":1042}`),
	})
	if err != nil {
		panic(err)
	}
	fmt.Println(e.ID, e.Source, e.Type)

	_, err = event.Unmarshal(event.Binary{RoutingKey: "order.placed"})
	fmt.Println(errors.Is(err, event.ErrMalformed))
	// Output:
	// m-7 legacy-shop order.placed
	// true
}

func ExampleEvent_Validate() {
	e := event.New("order.placed", json.RawMessage(`{}`)).WithSubject("1042\n")
	e.ID, e.Source, e.Time = event.NewID(), "order", time.Now()
	fmt.Println(e.Validate())
	// Output: invalid event: subject: control character at byte 4
}
