package amqpbus

import (
	"strings"
	"time"
)

// names are those of exchanges, streams and queues that all services share.
type names struct {
	events, route       string // exchanges
	retry, retryRoute   string
	dead, deadRoute     string
	log, unrouted, lost string // streams and a queue; unrouted and lost are exchanges of the same name, too
}

func namesFor(prefix string) names {
	return names{
		events: prefix, route: prefix + ".route",
		retry: prefix + ".retry", retryRoute: prefix + ".retry.route",
		dead: prefix + ".dead", deadRoute: prefix + ".dead.route",
		log: prefix + ".log", unrouted: prefix + ".unrouted", lost: prefix + ".lost",
	}
}

// ParkedQueue returns the name of the queue in which a service's parked messages
// wait.
func ParkedQueue(service string) string { return service + ".parked" }

// ServiceOf returns the service whose queue has a name: its own, one in which its
// messages wait for a delay, or that of its parked messages.
func ServiceOf(queue string) string {
	if service, ok := strings.CutSuffix(queue, ParkedQueue("")); ok {
		return service
	}
	if i := strings.LastIndex(queue, ".retry."); i > 0 {
		return queue[:i]
	}
	return queue
}

// RetryQueue returns the name of the queue in which a service's messages wait
// for a delay. The delay is part of the name, because a queue's TTL can't be
// changed.
func RetryQueue(service string, delay time.Duration) string {
	return service + ".retry." + delay.String()
}
