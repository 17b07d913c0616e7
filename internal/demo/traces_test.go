package demo

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSpansThatNobodyTakesAreSaid(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
	out := &output{}
	cfg := sixty(out)
	cfg.Orders, cfg.Mix = 3, Mix{Approved: 1}
	_, err := Run(t.Context(), nil, cfg)
	require.NoError(t, err, "it is no failure of the demo: %s", out)
	require.Regexp(t, `! \d+ spans could not be sent to http://127.0.0.1:1; does a collector listen there\?`, out.String())
}
