package amqptrace

// ScopeName is the instrumentation scope of the spans and metrics.
const ScopeName = "github.com/laban-io/laban/pkg/tracing/amqptrace"

// Version is the version of this instrumentation.
const Version = "0.1.0"
