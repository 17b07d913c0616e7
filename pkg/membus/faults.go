package membus

import "time"

// CutConnections ends every session, as a network that fails would: what
// consumers have in hand comes again, and they begin anew.
func (b *Broker) CutConnections() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for s := range b.sessions {
		b.lose(s)
	}
}

// SetReachable says whether clients can reach the broker. While they can't,
// consumers have no session and publishers wait. What it holds stays.
func (b *Broker) SetReachable(reachable bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.gate.down = !reachable
	if !reachable {
		for s := range b.sessions {
			b.lose(s)
		}
	}
	b.gate.changed()
}

// SetBlocked says whether the broker takes no messages for now, as RabbitMQ
// does when it is short of memory. Consumers go on.
func (b *Broker) SetBlocked(blocked bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.gate.blocked = blocked
	b.gate.changed()
}

// DeleteQueue deletes the queue of a service with what is in it. Its consumers
// lose their sessions and declare it anew.
func (b *Broker) DeleteQueue(service string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	q := b.queues[service]
	if q == nil {
		return
	}
	delete(b.queues, service)
	b.exchange.unbind(q)
	for s := range b.sessions {
		if s.queue == q {
			b.lose(s)
		}
	}
	b.gate.changed() // who waited for room in it need not
}

// DeleteRetryQueue deletes the queue of one of a service's retry levels, with
// the copies that wait in it. Later copies are kept with the lost ones, until
// the service begins a session and declares it anew.
func (b *Broker) DeleteRetryQueue(service string, level time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.deleteRetry(retryKey{service, level})
	b.gate.changed()
}

// DeleteParkedQueue deletes the queue of a service's parked messages, as
// [Broker.DeleteRetryQueue] does.
func (b *Broker) DeleteParkedQueue(service string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.parked, service)
	b.gate.changed()
}
