package observer

import "time"

// Role is what a running observer does.
type Role string

// The roles.
const (
	// Starting: it reads its ledger and looks for its place in the log.
	Starting Role = "starting"
	// Standby: another observer pulses; this one waits to take over.
	Standby Role = "standby"
	// Active: it reads the log, pulses, and writes the ledger.
	Active Role = "active"
	// Replaying: it reads an old log at full speed, and does not pulse.
	Replaying Role = "replaying"
)

// BlindReason is why nothing can be said at the moment.
type BlindReason string

// The reasons. While there is one, nothing is newly called stalled.
const (
	NotBlind      BlindReason = ""
	BrokerBlocked BlindReason = "broker-blocked"
	Unreachable   BlindReason = "unreachable"
	Lagging       BlindReason = "lag"
	Down          BlindReason = "down"
)

// BlindReasons are all reasons there are to be blind.
func BlindReasons() []BlindReason {
	return []BlindReason{BrokerBlocked, Unreachable, Lagging, Down}
}

// Status is how an observer fares.
type Status struct {
	Role    Role      `json:"role"`
	Version string    `json:"version"`
	Started time.Time `json:"started_at"`

	// Blind is why nothing can be said, or empty; BlindSince and BlindDetail
	// say more.
	Blind       BlindReason `json:"blind,omitempty"`
	BlindSince  time.Time   `json:"blind_since,omitzero"`
	BlindDetail string      `json:"blind_detail,omitempty"`

	Log LogStatus `json:"log"`
	// Taps are what is observed of other exchanges.
	Taps []TapStatus `json:"taps,omitempty"`
	// Services are those that announced themselves, or are named by a contract.
	Services []ServiceStatus `json:"services"`
	// Evidence says where causes are read from, and what is missing.
	Evidence []EvidenceStatus `json:"evidence"`

	Flows      int `json:"flows"`
	Tombstones int `json:"tombstones"`
	// Unclaimed counts events that no flow took, by reason.
	Unclaimed map[string]uint64 `json:"unclaimed"`
	// Malformed counts records that could not be read, by reason.
	Malformed map[string]uint64 `json:"malformed"`
	// Warnings are what the observer has to say of its set-up.
	Warnings []string `json:"warnings,omitempty"`
}

// LogStatus is how far the log was read.
type LogStatus struct {
	ID     string `json:"id"`
	Stream string `json:"stream"`
	// Offset is the last record applied, Committed the last in the ledger.
	Offset    uint64 `json:"offset"`
	Committed uint64 `json:"committed"`
	// Time is log time; LastPulse is when the last pulse was read, by the
	// observer's clock, and Lag how far log time is behind.
	Time      time.Time     `json:"time"`
	LastPulse time.Time     `json:"last_pulse_at"`
	Lag       time.Duration `json:"lag_ns"`
	Epoch     int64         `json:"epoch"`
	Gaps      uint64        `json:"gaps"`
	// Rate is records a second over the last ten seconds.
	Rate float64 `json:"rate"`
}

// TapStatus is what comes through one tap.
type TapStatus struct {
	Exchange string `json:"exchange"`
	// Bound is how it is bound now, such as "shop #"; empty where it is not,
	// and Problem says why.
	Bound   []string  `json:"bound,omitempty"`
	Records uint64    `json:"records"`
	Last    time.Time `json:"last_at,omitzero"`
	Problem string    `json:"problem,omitempty"`
}

// ServiceStatus is one service.
type ServiceStatus struct {
	Name        string        `json:"name"`
	Version     string        `json:"version,omitempty"`
	Queue       string        `json:"queue,omitempty"`
	Bindings    []string      `json:"bindings,omitempty"`
	Emits       []string      `json:"emits,omitempty"`
	Announced   bool          `json:"announced"`
	ClockOffset time.Duration `json:"clock_offset_ns"`
	// Ready, Unacked and Consumers are of its queue, where QueueSeen; Unacked
	// is -1 where it can't be seen.
	QueueSeen bool  `json:"queue_seen"`
	Ready     int64 `json:"ready"`
	Unacked   int64 `json:"unacked"`
	Consumers int64 `json:"consumers"`
}

// EvidenceStatus is one source of evidence for causes.
type EvidenceStatus struct {
	// Source is "queues", "management", "unrouted", "lost" or "announcements".
	Source    string `json:"source"`
	Available bool   `json:"available"`
	// Detail is why it is missing, or what it adds.
	Detail string `json:"detail,omitempty"`
}
