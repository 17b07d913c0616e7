package choreography_test

import (
	"errors"
	"fmt"
	"os"

	"github.com/laban-io/laban/pkg/choreography"
)

const shop = `choreography: shop
starts: [order.placed]
outcomes: {completed: [order.shipped], failed: [order.rejected]}
reactions:
  - {service: web, emits: [order.placed]}
  - {service: store, on: [order.placed], emits: [order.shipped, order.rejected], within: 30s}
`

func ExampleParse() {
	c, err := choreography.Parse("shop.yaml", []byte(shop))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, r := range c.Reactions {
		if r.Owes() {
			fmt.Printf("%v: %s within %v\n", r.Services, r.Step(), r.Within)
		}
	}
	// Output: [store]: order.shipped|order.rejected within 30s
}

func ExampleErrors() {
	_, err := choreography.Parse("shop.yaml", []byte("choreography: shop\nstart: [order.placed]\nreactions: [{service: web, on: order.placed}]\n"))
	var problems choreography.Errors
	if errors.As(err, &problems) {
		for _, p := range problems {
			fmt.Println(p.Place(), p.Code)
			fmt.Println(p.Hint)
		}
	}
	// Output:
	// shop.yaml:2:1 unknown-field
	// did you mean "starts"?
}

func ExampleCheck() {
	c, err := choreography.Parse("shop.yaml", []byte(shop+"  - {service: books, on: [orderShipped], emits: [order.booked], within: 1m, side: true}\n"))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, p := range choreography.Check(c) {
		fmt.Println(p)
	}
	// Output:
	// shop.yaml:7:27: error: nobody emits "orderShipped" — did you mean "order.shipped"? [not-emitted]
	//     names of events must be the same to the letter: what is emitted as order.shipped reaches nobody who waits for orderShipped
}

func ExampleCheckLive() {
	for _, p := range choreography.CheckLive(nil, []choreography.Announcement{
		{Service: "payment", Version: "1.4.2", Emits: []string{"paymentRejected"}},
		{Service: "inventory", Version: "2.0.0", Bindings: []string{"PaymentRejected"}},
	}) {
		fmt.Println(p.Message)
	}
	// Output: payment 1.4.2 emits "paymentRejected", and inventory 2.0.0 listens to "PaymentRejected" — did you mean "PaymentRejected"?
}

func ExampleMarshal() {
	c, err := choreography.Parse("shop.yaml", []byte("{choreography: shop, starts: a, outcomes: {completed: b}, reactions: [{service: s, emits: a}, {within: 90s, service: s, emits: b, on: a}]}"))
	if err != nil {
		fmt.Println(err)
		return
	}
	_, _ = os.Stdout.Write(choreography.Marshal(c))
	// Output:
	// choreography: shop
	// starts: [a]
	// outcomes:
	//   completed: [b]
	// reactions:
	//   - {service: s, emits: [a]}
	//   - {service: s, on: [a], emits: [b], within: 1m30s}
}
