package chassis

import (
	"errors"
	"log/slog"
	"strings"

	"github.com/laban-io/laban/pkg/tracing"
)

// logLevel is a slog.Level that reads only the four names people use.
type logLevel struct{ slog.Level }

// UnmarshalText reads debug, info, warn or error, in any case.
func (l *logLevel) UnmarshalText(text []byte) error {
	switch strings.ToLower(string(text)) {
	case "debug":
		l.Level = slog.LevelDebug
	case "info":
		l.Level = slog.LevelInfo
	case "warn":
		l.Level = slog.LevelWarn
	case "error":
		l.Level = slog.LevelError
	default:
		return errors.New("not a level; use debug, info, warn or error")
	}
	return nil
}

// logFormat is a tracing.LogFormat that reads only what there is.
type logFormat struct{ tracing.LogFormat }

// UnmarshalText reads text or json, in any case.
func (f *logFormat) UnmarshalText(text []byte) error {
	switch v := tracing.LogFormat(strings.ToLower(string(text))); v {
	case tracing.LogText, tracing.LogJSON:
		f.LogFormat = v
		return nil
	default:
		return errors.New("not a format; use text or json")
	}
}
