package database

import (
	"context"
	"database/sql/driver"

	"github.com/XSAM/otelsql"
	"go.opentelemetry.io/otel/trace"
)

// underSpan lets a statement have a span only where it belongs to one. A relay
// that looks for rows every second would else start a trace each time.
func underSpan(ctx context.Context, _ otelsql.Method, _ string, _ []driver.NamedValue) bool {
	return trace.SpanContextFromContext(ctx).IsValid()
}
