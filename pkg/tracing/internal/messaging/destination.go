package messaging

import "strings"

// Destination is where a message goes to or came from. Queue is empty on the
// producer's side.
type Destination struct {
	System     string
	Host       string
	Port       int
	Exchange   string
	RoutingKey string
	Queue      string
}

// name returns messaging.destination.name: the parts that are not empty,
// joined by colons; a queue that is named like the routing key only once. The
// default exchange without a routing key is "amq.default".
//
// Source: semantic conventions for RabbitMQ, note 1.
func (d Destination) name() string {
	return join(d.Exchange, d.RoutingKey, d.Queue)
}

// template returns the name with every part that a broker or client made up
// replaced by a word, and whether there was one. The name of such a destination
// is new each time, and so no name for a span or a metric.
func (d Destination) template() (name string, anonymous bool) {
	key, madeUpKey := replaceMadeUp(d.RoutingKey)
	queue, madeUpQueue := replaceMadeUp(d.Queue)
	return join(d.Exchange, key, queue), madeUpKey || madeUpQueue
}

func join(exchange, key, queue string) string {
	if queue == key {
		queue = ""
	}
	var parts [3]string
	kept := parts[:0]
	for _, part := range [...]string{exchange, key, queue} {
		if part != "" {
			kept = append(kept, part)
		}
	}
	if len(kept) == 0 {
		return "amq.default"
	}
	return strings.Join(kept, ":")
}

// replaceMadeUp knows the names of server-named queues and of RabbitMQ's
// direct reply-to.
func replaceMadeUp(name string) (string, bool) {
	for _, prefix := range [...]string{"amq.gen-", "amq.rabbitmq.reply-to"} {
		if strings.HasPrefix(name, prefix) {
			return "(anonymous)", true
		}
	}
	return name, false
}
