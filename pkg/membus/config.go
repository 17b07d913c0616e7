package membus

import "time"

// Config sets the bounds of a broker. The zero value is ready for use.
type Config struct {
	// QueueMessages is how many messages each queue holds before publishers
	// have to wait: a service's own, each of its retry levels, its parked
	// messages, the lost ones. Default: 100,000.
	QueueMessages int
	// LogRecords and LogBytes bound the log; the oldest records go first.
	// Default: 100,000 and 128 MiB.
	LogRecords int
	LogBytes   int
	// UnroutedMessages is how many events that nobody asked for are kept; the
	// oldest go first. Default: 10,000.
	UnroutedMessages int
	// MaxMessageBytes is the largest message that the broker takes, as data and
	// plain headers together. Default: 16 MiB, as RabbitMQ 4 has it.
	MaxMessageBytes int
	// PublishTimeout bounds the wait of a publisher whose context has no
	// deadline. Default: 30 s.
	PublishTimeout time.Duration
}

func (c *Config) setDefaults() {
	setDefault(&c.QueueMessages, 100_000)
	setDefault(&c.LogRecords, 100_000)
	setDefault(&c.LogBytes, 128<<20)
	setDefault(&c.UnroutedMessages, 10_000)
	setDefault(&c.MaxMessageBytes, 16<<20)
	setDefault(&c.PublishTimeout, 30*time.Second)
}

// setDefault also replaces what makes no sense as a bound.
func setDefault[T int | time.Duration](value *T, standard T) {
	if *value <= 0 {
		*value = standard
	}
}
