package tracing

// ScopeName is the instrumentation scope of the bus's spans and metrics.
const ScopeName = "github.com/laban-io/laban/pkg/tracing"

// Version is the version of this instrumentation.
const Version = "0.1.0"
