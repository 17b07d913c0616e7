package demo

import (
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestDefaults(t *testing.T) {
	c := Config{}
	c.setDefaults()
	require.NoError(t, c.validate())
	require.Equal(t, 5.0, *c.Rate)
	require.NotZero(t, c.Seed)

	c = Config{Orders: 50, Exit: true}
	c.setDefaults()
	require.Zero(t, *c.Rate, "as fast as it goes")

	rate := 7.0
	c = Config{Orders: 50, Exit: true, Rate: &rate, Seed: 3}
	c.setDefaults()
	require.Equal(t, 7.0, *c.Rate)
	require.EqualValues(t, 3, c.Seed)
}

func TestWhatCantBeDone(t *testing.T) {
	num := func(x float64) *float64 { return &x }
	dur := func(d time.Duration) *time.Duration { return &d }
	full := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(full, "order.db"), nil, 0o600))
	for want, c := range map[string]Config{
		"--orders is -1":             {Orders: -1},
		"--orders is 1000001":        {Orders: 1_000_001},
		"--exit ends the demo":       {Exit: true},
		"--rate is -1":               {Rate: num(-1)},
		"--rate is 0.0001":           {Rate: num(0.0001)},
		"--rate is 1e+06":            {Rate: num(1e6)},
		"--think is -1s":             {Think: dur(-time.Second)},
		"--think is 1h0m0s":          {Think: dur(time.Hour)},
		"--concurrency is -1":        {Concurrency: -1},
		"--timeout is 1ms":           {Timeout: time.Millisecond},
		`--listen is "8080"`:         {Listen: "8080"},
		`--listen is "127.0.0.1:x"`:  {Listen: "127.0.0.1:x"},
		"is no AMQP URL":             {AMQP: "http://guest:secret@localhost"},
		"leave them out":             {NoObserver: true, ObserverListen: "127.0.0.1:0"},
		"--hurry are the observer's": {NoObserver: true, Hurry: 2},
		"the bus in memory has none": {Management: "http://guest:secret@localhost:15672"},
		"is not empty":               {Keep: full},
		"--keep: ":                   {Keep: filepath.Join(full, "order.db", "x")},
		"--log-file: ":               {LogFile: filepath.Join(full, "no such directory", "x")},
	} {
		t.Run(want, func(t *testing.T) {
			c.Out = io.Discard
			_, err := Run(t.Context(), nil, c)
			var usage *UsageError
			require.ErrorAs(t, err, &usage)
			require.ErrorContains(t, err, want)
			require.NotContains(t, err.Error(), "secret")
		})
	}
}

func TestWhereTracesGo(t *testing.T) {
	for _, name := range []string{"OTEL_SDK_DISABLED", "OTEL_TRACES_EXPORTER", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"} {
		t.Setenv(name, "")
	}
	require.Empty(t, tracesTo())
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://me:secret@collector:4318")
	require.Equal(t, "http://me:xxxxx@collector:4318", tracesTo())
	t.Setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://jaeger:4318/v1/traces")
	require.Equal(t, "http://jaeger:4318/v1/traces", tracesTo())
	t.Setenv("OTEL_TRACES_EXPORTER", "console")
	require.Equal(t, "console", tracesTo())
	t.Setenv("OTEL_TRACES_EXPORTER", "none")
	require.Empty(t, tracesTo())
	t.Setenv("OTEL_TRACES_EXPORTER", "otlp")
	t.Setenv("OTEL_SDK_DISABLED", "TRUE")
	require.Empty(t, tracesTo())
}

func TestLogsKeepWhatTells(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	l, err := openLogs(path)
	require.NoError(t, err)
	log := l.logger()
	log.Info("all is well")
	require.Empty(t, l.telling())
	for range 2 * maxKept {
		log.Warn("a retry")
	}
	require.Len(t, l.telling(), maxKept)
	log.Error("parked", "said", "level=WARN is not meant")
	require.Len(t, l.telling(), 1, "an error tells more than warnings")
	require.Contains(t, l.telling()[0], "msg=parked")
	require.NoError(t, l.close())
	require.NoError(t, l.close())
	log.Info("late")
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Contains(t, string(text), "all is well")
	require.NotContains(t, string(text), "late")
}
