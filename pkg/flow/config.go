package flow

import "time"

// Config bounds a tracker. It is part of the rules of a log: another one may
// judge another way.
type Config struct {
	// MaxFlows is how many flows are kept that have not ended; events that
	// would start more are counted, and not tracked. Default 1,000,000.
	MaxFlows int
	// MaxEvents is how many events of a flow are kept. A flow with more is
	// Unknown. Default 1,000, at most 65,000.
	MaxEvents int
	// Tombstones is how long an ended flow is remembered: within it duplicates
	// are recognised, and an event that owes something opens the flow again.
	// Default 15 minutes.
	Tombstones time.Duration
	// MaxTombstones is how many ended flows are remembered; beyond it the
	// oldest are forgotten early. Default 250,000.
	MaxTombstones int
}

func (c Config) withDefaults() Config {
	if c.MaxFlows <= 0 {
		c.MaxFlows = 1_000_000
	}
	if c.MaxEvents <= 0 {
		c.MaxEvents = 1000
	}
	c.MaxEvents = min(c.MaxEvents, maxMaxEvents)
	if c.Tombstones <= 0 {
		c.Tombstones = 15 * time.Minute
	}
	if c.MaxTombstones <= 0 {
		c.MaxTombstones = 250_000
	}
	return c
}

// maxMaxEvents keeps numbers of events in 16 bits.
const maxMaxEvents = 65_000

// Bounds of judging by pulses (DESIGN: The tracker).
const (
	// gapAfter is how far apart two pulses may be before nobody can say when
	// what came between them happened.
	gapAfter = time.Second
	// maxGrace is the most that an obligation is given after such a gap.
	maxGrace = 30 * time.Second
)
