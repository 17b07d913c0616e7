package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// options are what the tutorial is run with.
type options struct {
	amqp   string        // a RabbitMQ's URL; empty: in memory
	listen string        // where the observer answers
	orders int           // how many to place; 0: until it is stopped
	exit   bool          // end when all of them have ended or stopped
	every  time.Duration // between two orders
	fixed  bool          // inventory listens for the right event
	nosy   bool          // notification listens to everything
	out    io.Writer
}

func main() {
	o := options{out: os.Stdout}
	flag.StringVar(&o.amqp, "amqp", "", "use the RabbitMQ at this `URL` instead of a bus in memory")
	flag.StringVar(&o.listen, "listen", "127.0.0.1:7070", "where the observer answers, or the next free port")
	flag.IntVar(&o.orders, "orders", 0, "how many orders to place; 0 means until ctrl-C")
	flag.BoolVar(&o.exit, "exit", false, "end when all -orders have ended or stopped")
	flag.DurationVar(&o.every, "every", 2*time.Second, "the time between two orders")
	flag.BoolVar(&o.fixed, "fixed", false, "without the mistake")
	flag.BoolVar(&o.nosy, "listen-to-everything", false, "have notification listen to every event, which hides from the broker that inventory does not")
	flag.Parse()
	if o.exit && o.orders == 0 {
		fmt.Fprintln(os.Stderr, "tutorial: -exit needs a number of -orders")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, o)
	stop()
	if err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(os.Stderr, "tutorial:", err)
		os.Exit(1)
	}
}
