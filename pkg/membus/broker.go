package membus

import (
	"sync"

	"github.com/laban-io/laban/pkg/bus"
)

// Names of what the broker has, as they are on RabbitMQ.
const (
	exchangeEvents = "events"
	streamLog      = "events.log"
)

// Broker carries messages between the transports that are connected to it. Make
// one with [New]. It is safe for concurrent use.
type Broker struct {
	cfg  Config
	info *bus.Info

	// mu guards all that follows, and everything in queues and sessions. Under
	// it nothing waits and nothing foreign is called.
	mu       sync.Mutex
	exchange exchange
	queues   map[string]*queue   // by service
	retries  map[retryKey]*retry // copies that wait
	parked   map[string]*shelf   // copies that were given up, by service
	lost     shelf               // copies whose queue was missing
	unrouted shelf               // events that no queue asked for
	log      log
	sessions map[*session]struct{} // that consume
	gate     gate
}

// New returns a broker with nothing in it.
func New(cfg Config) *Broker {
	cfg.setDefaults()
	return &Broker{
		cfg:      cfg,
		info:     &bus.Info{System: "membus", Exchange: exchangeEvents},
		queues:   make(map[string]*queue),
		retries:  make(map[retryKey]*retry),
		lost:     shelf{limit: cfg.QueueMessages},
		unrouted: shelf{limit: cfg.UnroutedMessages},
		parked:   make(map[string]*shelf),
		log:      newLog(cfg.LogRecords, cfg.LogBytes),
		sessions: make(map[*session]struct{}),
		gate:     newGate(),
	}
}

// Connect returns a new connection to the broker.
func (b *Broker) Connect() *Transport { return &Transport{broker: b} }

// Close ends all consuming and publishing, as [Transport.Close] does for one
// connection, and drops what the broker holds.
func (b *Broker) Close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.gate.closed = true
	for s := range b.sessions {
		b.lose(s)
	}
	b.gate.changed()
	b.log.wake()
	for key := range b.retries {
		b.deleteRetry(key)
	}
}
