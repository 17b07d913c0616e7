package observer

import (
	"errors"
	"log/slog"
	"time"

	"github.com/laban-io/laban/internal/ledger"
	"github.com/laban-io/laban/internal/observer/record"
	"github.com/laban-io/laban/internal/observer/source"
	"github.com/laban-io/laban/pkg/choreography"
	"github.com/laban-io/laban/pkg/flow"
)

// Config says what an observer watches. Log is required.
type Config struct {
	// Log is where records come from.
	Log source.Log
	// Ledger keeps what is found. Without one the observer begins anew at each
	// start. It stays the caller's, who closes it after Run.
	Ledger *ledger.Ledger
	// Contracts are those that are to be in force, one of each name. They are
	// stated in the log, and hold from there; in a log that has stated none of
	// that name they hold from its begin.
	Contracts []*choreography.Choreography
	// Mapping is how messages of tapped exchanges are to be read; it is stated
	// likewise.
	Mapping record.Mapping
	// Queues names the queues of services that do not announce themselves.
	// Default: they are called like the service.
	Queues map[string]string
	// FromEnd begins a log of which the ledger knows nothing at its end.
	FromEnd bool
	// ReplacesLog is the id of a log whose place this one took: where the ledger
	// is of that one, it goes on with this one.
	ReplacesLog string
	// Tracker bounds what is kept in memory.
	Tracker flow.Config
	// Retention is how long the ledger keeps flows after their end. 0 keeps
	// them for good.
	Retention time.Duration
	// KeepPayloads puts messages' bodies into the ledger, without what Redact
	// names.
	KeepPayloads bool
	Redact       []string

	// Marker makes the marker of a transition, where it has one. May be nil.
	Marker func(*flow.Transition) (ledger.Marker, bool)
	// Committed is called when the ledger has markers to be exported. It must
	// not block. May be nil.
	Committed func()
	// Counter counts what is found. May be nil.
	Counter Counter
	// Warnings are what there is to say of the set-up.
	Warnings []string

	// Wall is the clock that log time starts at; from there on it advances
	// monotonically, whatever becomes of that clock. Default: [time.Now].
	Wall func() time.Time

	Version string
	Logger  *slog.Logger
}

// Counter counts what an observer finds, in the order of the log. It is called
// from one goroutine.
type Counter interface {
	// Apply takes the transitions of a record. They are valid during the call.
	Apply(transitions []flow.Transition)
	// Observed takes that an event was read, and whether a flow took it.
	Observed(u flow.Unclaimed)
	// Malformed takes that a record could not be read, and why.
	Malformed(reason string)
	// Stray takes that a message reached no service: a retried or parked copy,
	// where lost is true, or an event that somebody waits for.
	Stray(lost bool)
	// Gap takes that the log broke.
	Gap()
	// SetContracts says which contracts are in force, and SetActive whether this
	// observer is the one that watches.
	SetContracts(contracts []*choreography.Choreography)
	SetActive(active bool)
	// State returns what Restore needs to go on from here after a restart. It
	// is kept in the ledger, with the position that it belongs to.
	State() []byte
	// Restore takes over a state. It may come more than once; an empty one is
	// that of a counter that has counted nothing.
	Restore(state []byte) error
}

// noCounter counts nothing.
type noCounter struct{}

func (noCounter) Apply([]flow.Transition)                   {}
func (noCounter) Observed(flow.Unclaimed)                   {}
func (noCounter) Malformed(string)                          {}
func (noCounter) Stray(bool)                                {}
func (noCounter) Gap()                                      {}
func (noCounter) SetContracts([]*choreography.Choreography) {}
func (noCounter) SetActive(bool)                            {}
func (noCounter) State() []byte                             { return nil }
func (noCounter) Restore([]byte) error                      { return nil }

func (c *Config) setDefaults() {
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.Wall == nil {
		c.Wall = time.Now
	}
	if c.Counter == nil {
		c.Counter = noCounter{}
	}
}

func (c *Config) validate() error {
	if c.Log == nil {
		return errors.New("an observer needs a log")
	}
	names := map[string]bool{}
	for _, contract := range c.Contracts {
		if names[contract.Name] {
			return errors.New("the choreography " + contract.Name + " has two contracts")
		}
		names[contract.Name] = true
	}
	return nil
}

// Bounds and intervals.
const (
	// busyPulse is the time between pulses while anything is owed, or an event
	// came within busyFor. idlePulse is that between others.
	busyPulse = 250 * time.Millisecond
	busyFor   = 10 * time.Second
	idlePulse = 10 * time.Second
	// probeEvery is how often an idle observer asks whether the broker takes
	// messages.
	probeEvery = time.Second
	// blindAfter is how long a pulse may be on its way before the observer says
	// that it is blind.
	blindAfter = 1500 * time.Millisecond

	// commitEvery is how long records wait to be committed, at least while
	// there are few. commitAt is how many are enough, and commitMost how many
	// may wait while a commit is under way.
	commitEvery = 150 * time.Millisecond
	commitAt    = 4000
	commitMost  = 20_000
	// commitBytes is how many bytes of payloads are enough, and may wait.
	commitBytes = 16 << 20
	// commitPatience is how long a commit may take before no more is read: what
	// nobody can be shown is not to be judged, and waits in the log.
	commitPatience = 4 * time.Second

	// restateEvery is how often the log is told again what it must not forget.
	restateEvery = 24 * time.Hour
	// standDown is how long an observer stays away after another one wrote to
	// its ledger.
	standDown = 5 * time.Second
	// retainEvery is how often the ledger is rid of what is too old.
	retainEvery = 10 * time.Minute
)
