package config_test

import (
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/observer/config"
)

// TestTheReferenceHasEveryField parses the example of the reference, in which
// every field has to have a value.
func TestTheReferenceHasEveryField(t *testing.T) {
	page, err := os.ReadFile("../../../docs/reference/observer-configuration.md")
	require.NoError(t, err)
	_, rest, found := strings.Cut(string(page), "```yaml\n")
	require.True(t, found)
	example, _, found := strings.Cut(rest, "```")
	require.True(t, found)
	folder := t.TempDir()
	require.NoError(t, os.Mkdir(folder+"/contracts", 0o750))
	require.NoError(t, os.WriteFile(folder+"/contracts/shop.choreography.yaml", nil, 0o600))
	c, err := config.Parse(folder+"/observer.yaml", []byte(example), func(string) (string, bool) { return "secret", true })
	require.NoError(t, err)
	require.NoError(t, c.Validate())
	requireNoZero(t, "Config", reflect.ValueOf(*c))
}

func requireNoZero(t *testing.T, path string, v reflect.Value) {
	t.Helper()
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			requireNoZero(t, path+"."+v.Type().Field(i).Name, v.Field(i))
		}
	case reflect.Slice:
		require.NotZero(t, v.Len(), path)
		for i := range v.Len() {
			requireNoZero(t, path, v.Index(i))
		}
	default:
		require.False(t, v.IsZero(), "%s is not in the example", path)
	}
}
