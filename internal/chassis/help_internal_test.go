package chassis

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestHelpTeachesEveryVariable(t *testing.T) {
	spec, settings := shopSpec()
	var out bytes.Buffer
	cmd := command(spec, nil, &out)
	cmd.SetOut(&out)
	cmd.SetArgs([]string{"--help"})
	require.NoError(t, cmd.Execute())
	help := out.String()

	require.True(t, strings.HasPrefix(help, "shop: Sells things.\n"), help)
	for _, target := range []any{config{}, *settings} {
		fields := reflect.TypeOf(target)
		for i := range fields.NumField() {
			tag := fields.Field(i).Tag
			require.Contains(t, help, "\n  "+tag.Get("env")+" ")
			require.NotEmpty(t, tag.Get("help"), tag.Get("env"))
		}
	}
	for _, want := range []string{
		"OTEL_EXPORTER_OTLP_ENDPOINT", "\nThe service's own\n", "(default hello)", "(default 3s)",
		"(default sqlite:data/shop.db)", "(default 127.0.0.1:8099)", "/healthz", "SIGTERM",
	} {
		require.Contains(t, help, want)
	}
	for line := range strings.Lines(help) {
		require.LessOrEqual(t, len(strings.TrimRight(line, "\n")), 100, line)
	}
}

func TestVersion(t *testing.T) {
	spec, _ := shopSpec()
	var out bytes.Buffer
	cmd := command(spec, nil, &out)
	cmd.SetOut(&out)
	cmd.SetArgs([]string{"--version"})
	require.NoError(t, cmd.Execute())
	require.Equal(t, "shop version "+version()+"\n", out.String())
}

func TestCommandLineMistakesAreUsageErrors(t *testing.T) {
	for _, args := range [][]string{{"serve"}, {"--port=80"}} {
		spec, _ := shopSpec()
		var out bytes.Buffer
		cmd := command(spec, nil, &out)
		cmd.SetArgs(args)
		err := cmd.Execute()
		require.ErrorIs(t, err, errUsage)
		require.Equal(t, 2, exitStatus(err, &out))
		require.Contains(t, out.String(), "--help")
		require.False(t, strings.HasPrefix(out.String(), "usage"), out.String())
	}
}
