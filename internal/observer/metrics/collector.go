package metrics

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/laban-io/laban/internal/observer/marker"
	"github.com/laban-io/laban/pkg/choreography"
	"github.com/laban-io/laban/pkg/flow"
)

// Config is what a collector asks when it is scraped. All functions may be
// called from any goroutine, and at the same time.
type Config struct {
	// Survey returns what there is in the tracker: as of now, or of not long
	// ago.
	Survey func() flow.Survey
	// Live returns how the observer fares.
	Live func() Live
	// BlindReasons are all reasons there are to be blind, and MalformedReasons
	// those that [Collector.Malformed] is given: both are there from the start.
	BlindReasons, MalformedReasons []string
}

// Live is how an observer fares.
type Live struct {
	// Lag is how far log time is behind, and LastPulse when the last pulse was
	// read, by the observer's clock; zero before the first.
	Lag       time.Duration
	LastPulse time.Time
	// Blind is the reason to be blind, or empty.
	Blind string
	// Clocks are those of services, of which the ones that contracts name are
	// exported.
	Clocks []flow.Clock
	// Markers is what became of marker spans.
	Markers marker.Stats
}

// Collector counts transitions and exports the counts. It is a
// [prometheus.Collector]. Its methods are safe for concurrent use; counting is
// for one goroutine, since it is in the order of the log.
type Collector struct {
	cfg  Config
	desc descriptions

	mu     sync.Mutex
	counts counts
	known  known
	active bool
}

var _ prometheus.Collector = (*Collector)(nil)

// New returns a collector that has counted nothing and is not active.
func New(cfg Config) *Collector {
	return &Collector{cfg: cfg, desc: describe(), counts: newCounts(), known: knownOf(nil)}
}

// Apply counts transitions. It keeps none of them.
func (c *Collector) Apply(transitions []flow.Transition) {
	if len(transitions) == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range transitions {
		c.counts.apply(&transitions[i])
	}
}

// Observed counts an event of the log, by whether a flow took it. What it did
// to flows is counted by [Collector.Apply].
func (c *Collector) Observed(u flow.Unclaimed) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.counts.events++
	if u != flow.Claimed {
		c.counts.unclaimed[min(int(u), unclaimed-1)]++
	}
}

// Malformed counts a record that could not be read. The reasons should be few:
// beyond 32 they are counted as "other".
func (c *Collector) Malformed(reason string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.counts.reject(reason)
}

// Gap counts a break of the log.
func (c *Collector) Gap() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.counts.gaps++
}

// Stray counts a message that no service receives.
func (c *Collector) Stray(lost bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if lost {
		c.counts.lost++
	} else {
		c.counts.unrouted++
	}
}

// SetContracts says which contracts are in force: what they can count is
// exported as zero until it is counted. It is no part of the state.
func (c *Collector) SetContracts(contracts []*choreography.Choreography) {
	k := knownOf(contracts)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.known = k
}

// SetActive says whether this observer watches. One that stands by exports only
// that it does, and whether it is blind: another exports the flows.
func (c *Collector) SetActive(active bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.active = active
}

// State returns all that was counted, to be restored. The same log gives the
// same bytes.
func (c *Collector) State() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.counts.encode()
}

// Restore goes on from a state; from nothing, where it is empty. After an error,
// which wraps [ErrState], all is as it was before.
func (c *Collector) Restore(state []byte) error {
	counted := newCounts()
	if len(state) > 0 {
		var err error
		if counted, err = decode(state); err != nil {
			return err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.counts = counted
	return nil
}

// Describe implements [prometheus.Collector].
func (c *Collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range c.desc.all() {
		ch <- d
	}
}

// Collect implements [prometheus.Collector].
func (c *Collector) Collect(ch chan<- prometheus.Metric) {
	// Whoever scrapes must not hold up whoever counts: the counts are copied,
	// and nothing is asked or sent meanwhile.
	c.mu.Lock()
	active, k := c.active, c.known
	var counted counts
	if active {
		counted = c.counts.copied()
	}
	c.mu.Unlock()
	e := exposition{desc: &c.desc, ch: ch}
	live := c.cfg.Live()
	e.observer(active, live.Blind, c.cfg.BlindReasons)
	if !active {
		return
	}
	e.log(live, &k)
	e.markers(live.Markers)
	e.records(&counted, c.cfg.MalformedReasons)
	e.flows(&counted, &k)
	e.steps(&counted, &k)
	survey := c.cfg.Survey()
	e.inFlight(&survey, &k)
	e.stalled(&survey, &k)
	e.oldest(&survey)
}
