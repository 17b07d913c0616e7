package api

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/laban-io/laban/internal/ledger"
	"github.com/laban-io/laban/internal/observer"
	"github.com/laban-io/laban/pkg/choreography"
	"github.com/laban-io/laban/pkg/flow"
)

// Reader is what the API asks a ledger. A [ledger.Reader] is one.
type Reader interface {
	Contracts(ctx context.Context) ([]ledger.Contract, error)
	Flows(ctx context.Context, filter ledger.Filter) (flows []ledger.Flow, next string, err error)
	Flow(ctx context.Context, choreography, id string) (ledger.Detail, error)
	StepStats(ctx context.Context, choreography string, since time.Time) ([]ledger.StepStat, error)
	Left(ctx context.Context, choreography, eventType string, flows int) ([]time.Duration, error)
}

// Observer is what the API asks a running observer. It is safe for concurrent
// use.
type Observer interface {
	// Status tells how the observer fares.
	Status() observer.Status
	// Contracts are those in force.
	Contracts() []*choreography.Choreography
	// Subscribe returns the transitions from now on, and a function that ends
	// that. At most n wait to be received; where there are more, or the observer
	// stops, the channel is closed.
	Subscribe(n int) (<-chan flow.Transition, func())
	// CloseFlow writes into the log that a flow is over, and returns when the
	// broker has it.
	CloseFlow(ctx context.Context, choreography, id, reason, by string) error
}

// Pages are pages for people.
type Pages interface {
	// Mount adds the pages, and returns their patterns. All are for GET; forms are
	// posted below [FormPath].
	Mount(mux *http.ServeMux) []string
	// Login asks for the token, by a form that posts token and next to /login.
	Login(w http.ResponseWriter, r *http.Request, next string, why Login)
}

// Login is why the token is asked for.
type Login int

// Why it is asked for: since it was not given, since another was, or since
// others were given too often, so that it is not looked at for a while.
const (
	Asked Login = iota
	Wrong
	TooOften
)

// Config says what an API serves. Reader and Observer are needed.
type Config struct {
	Reader   Reader
	Observer Observer
	// Metrics serves /metrics; nil serves none.
	Metrics http.Handler
	// Pages are the pages for people; nil serves plain ones that say where the
	// same is to be had as JSON.
	Pages Pages
	// Token is what clients must know; see LABAN_API_TOKEN. Without one only
	// loopback is served.
	Token string
	// Location is the zone of times in sentences. Default UTC.
	Location *time.Location
	// Heartbeat is how often a stream of events says that it lives. Default 15 s.
	Heartbeat time.Duration
	// Log gets what went wrong. Default slog.Default.
	Log *slog.Logger
}

func (c *Config) setDefaults() {
	if c.Location == nil {
		c.Location = time.UTC
	}
	if c.Heartbeat <= 0 {
		c.Heartbeat = 15 * time.Second
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
}

func (c *Config) validate() error {
	if c.Reader == nil || c.Observer == nil {
		return errors.New("an API needs a reader of the ledger, and an observer")
	}
	return nil
}

// Bounds of a request.
const (
	maxBody        = 16 << 10
	maxHeader      = 16 << 10
	requestTimeout = 10 * time.Second
	writeTimeout   = 20 * time.Second
	maxStreams     = 64
	streamBuffer   = 4096
)
