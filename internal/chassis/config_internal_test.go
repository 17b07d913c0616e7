package chassis

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/pkg/tracing"
)

// shopSettings are a service's own.
type shopSettings struct {
	Greeting string        `env:"SHOP_GREETING" envDefault:"hello" help:"what the shop says"`
	Patience time.Duration `env:"SHOP_PATIENCE" envDefault:"3s" help:"how long it waits"`
}

func shopSpec() (Spec, *shopSettings) {
	settings := &shopSettings{}
	return Spec{Name: "shop", Summary: "Sells things.", DefaultAddr: "127.0.0.1:8099", Settings: settings}, settings
}

// Validate says what can't work.
func (s *shopSettings) Validate() error {
	if s.Patience > time.Hour {
		return errors.New("SHOP_PATIENCE is more than anybody has")
	}
	return nil
}

func TestTheServicesOwnSettingsAreValidated(t *testing.T) {
	spec, _ := shopSpec()
	_, err := readConfig(spec, map[string]string{"SHOP_PATIENCE": "61m"})
	require.ErrorContains(t, err, "SHOP_PATIENCE is more than anybody has")
	_, err = readConfig(spec, map[string]string{"SHOP_PATIENCE": "60m"})
	require.NoError(t, err)
}

func TestConfigDefaults(t *testing.T) {
	spec, settings := shopSpec()
	c, err := readConfig(spec, map[string]string{})
	require.NoError(t, err)
	require.Equal(t, []string{"amqp://guest:guest@127.0.0.1:5672/"}, c.AMQPURLs)
	require.Equal(t, "sqlite:data/shop.db", c.DatabaseURL)
	require.Equal(t, "127.0.0.1:8099", c.HTTPAddr)
	require.Equal(t, 20*time.Second, c.DrainTimeout)
	require.Equal(t, slog.LevelInfo, c.LogLevel.Level)
	require.Equal(t, tracing.LogText, c.LogFormat.LogFormat)
	require.Equal(t, shopSettings{Greeting: "hello", Patience: 3 * time.Second}, *settings)
}

func TestConfigFromTheEnvironment(t *testing.T) {
	spec, settings := shopSpec()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	require.NoError(t, os.WriteFile(ca, nil, 0o600))
	c, err := readConfig(spec, map[string]string{
		"AMQP_URL":      "amqps://a:secret@one/, amqps://a:secret@two/",
		"AMQP_TLS_CA":   ca,
		"DATABASE_URL":  "postgres://shop:secret@db/shop",
		"HTTP_ADDR":     ":9000",
		"LOG_LEVEL":     "WARN",
		"LOG_FORMAT":    "json",
		"DRAIN_TIMEOUT": "1m30s",
		"SHOP_GREETING": "good morning",
	})
	require.NoError(t, err)
	require.Equal(t, []string{"amqps://a:secret@one/", "amqps://a:secret@two/"}, c.AMQPURLs)
	require.Equal(t, "postgres://shop:secret@db/shop", c.DatabaseURL)
	require.Equal(t, ":9000", c.HTTPAddr)
	require.Equal(t, slog.LevelWarn, c.LogLevel.Level)
	require.Equal(t, tracing.LogJSON, c.LogFormat.LogFormat)
	require.Equal(t, 90*time.Second, c.DrainTimeout)
	require.Equal(t, "good morning", settings.Greeting)
}

func TestWrongConfigIsExplained(t *testing.T) {
	for name, c := range map[string]struct {
		environ map[string]string
		want    string
	}{
		"log level":         {map[string]string{"LOG_LEVEL": "loud"}, `LOG_LEVEL="loud": not a level; use debug, info, warn or error`},
		"log format":        {map[string]string{"LOG_FORMAT": "xml"}, `LOG_FORMAT="xml": not a format; use text or json`},
		"duration":          {map[string]string{"DRAIN_TIMEOUT": "20"}, `DRAIN_TIMEOUT="20": not a duration; write it like 500ms, 20s or 1m30s`},
		"negative duration": {map[string]string{"DRAIN_TIMEOUT": "-1s"}, `DRAIN_TIMEOUT=-1s: must be between 1ms and 1h`},
		"number":            {map[string]string{"CONCURRENCY": "many"}, `CONCURRENCY="many": not a number of the kind asked for (int)`},
		"number too small":  {map[string]string{"CONCURRENCY": "0"}, `CONCURRENCY=0: must be between 1 and 10000`},
		"address":           {map[string]string{"HTTP_ADDR": "8080"}, `HTTP_ADDR="8080": write it as host:port`},
		"port":              {map[string]string{"HTTP_ADDR": "localhost:70000"}, `port "70000" is not between 0 and 65535`},
		"broker's scheme":   {map[string]string{"AMQP_URL": "http://u:hunter2@h/"}, `AMQP_URL: scheme "http" is not known; it begins with amqp:, amqps:`},
		"second broker":     {map[string]string{"AMQP_URL": "amqp://h/,nonsense"}, `AMQP_URL: scheme "" is not known`},
		"broker's port":     {map[string]string{"AMQP_URL": "amqp://u:hunter2@h:port/"}, `AMQP_URL: not a URL`},
		"broker's escape":   {map[string]string{"AMQP_URL": "amqp://u:hunter2%zz@h/"}, `AMQP_URL: not a URL`},
		"database's scheme": {map[string]string{"DATABASE_URL": "mysql://u:hunter2@h/d"}, `DATABASE_URL: scheme "mysql" is not known; it begins with sqlite:, postgres:`},
		"database's host":   {map[string]string{"DATABASE_URL": "postgres://u:hunter2@[::1/d"}, `DATABASE_URL: not a URL`},
		"key alone":         {map[string]string{"AMQP_TLS_KEY": "/nowhere/key.pem"}, `AMQP_TLS_CERT: not set, though AMQP_TLS_KEY is`},
		"file":              {map[string]string{"AMQP_TLS_CA": "/nowhere/ca.pem"}, `AMQP_TLS_CA=/nowhere/ca.pem: stat /nowhere/ca.pem`},
		"own setting":       {map[string]string{"SHOP_PATIENCE": "long"}, `SHOP_PATIENCE="long": not a duration`},
	} {
		t.Run(name, func(t *testing.T) {
			spec, _ := shopSpec()
			_, err := readConfig(spec, c.environ)
			require.ErrorContains(t, err, c.want)
			require.ErrorContains(t, err, "--help")
			require.NotContains(t, err.Error(), "hunter2", "no password is shown")
		})
	}
}

// TestAllThatIsWrongIsNamedAtOnce: each once, also what can be read.
func TestAllThatIsWrongIsNamedAtOnce(t *testing.T) {
	spec, _ := shopSpec()
	_, err := readConfig(spec, map[string]string{
		"LOG_LEVEL": "loud", "DRAIN_TIMEOUT": "20", "SHOP_PATIENCE": "long", "HTTP_ADDR": "8080", "CONCURRENCY": "0",
	})
	require.Error(t, err)
	lines := strings.Split(err.Error(), "\n")[1:]
	slices.Sort(lines)
	var names []string
	for _, line := range lines {
		name, _, _ := strings.Cut(line, "=")
		names = append(names, name)
	}
	require.Equal(t, []string{"CONCURRENCY", "DRAIN_TIMEOUT", "HTTP_ADDR", "LOG_LEVEL", "SHOP_PATIENCE"}, names)
}
