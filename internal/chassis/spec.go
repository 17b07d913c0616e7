package chassis

import (
	"context"
	"io/fs"
	"net/http"
)

// Spec describes a service.
type Spec struct {
	// Name is the service's name: the source of its events, the name of its
	// queue and of its OpenTelemetry service.
	Name string
	// Summary is one sentence on what the service does, for --help.
	Summary string
	// Emits are the event types that the service may publish.
	Emits []string
	// Migrations are the service's goose migrations, the SQL files at the root.
	// They are applied before Build.
	Migrations fs.FS
	// DefaultAddr is where [Main] listens for HTTP unless HTTP_ADDR says
	// otherwise: a loopback address with a port of the service's own.
	DefaultAddr string
	// Settings, where set, points to a struct of the service's own settings,
	// with the tags env, envDefault and help on its fields. [Main] fills it
	// from the environment before anything is connected to and shows it by
	// --help; where it has a method Validate() error, that says what of it can't
	// work. [Run] leaves it as it is, so that its caller sets the fields.
	Settings any
	// Build makes the service from its parts. It registers handlers on
	// Parts.Bus; it must not start goroutines or publish. It is called once,
	// when the database answers and is migrated.
	Build func(ctx context.Context, p Parts) (Service, error)
}

// Service is what [Spec.Build] returns. Every field may be empty.
type Service struct {
	// HTTP serves every path but the chassis's own: /healthz, /readyz, /metrics.
	HTTP http.Handler
	// Run is work in the background. It starts with consuming, must return when
	// its context ends, and its error ends the service.
	Run func(ctx context.Context) error
	// Ready adds a reason of the service's own to /readyz: nil means ready.
	Ready func(ctx context.Context) error
	// Close frees what Build made, after everything else of the service has
	// ended and before the database is closed.
	Close func() error
}
