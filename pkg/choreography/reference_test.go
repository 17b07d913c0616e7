package choreography_test

import (
	"encoding/json"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/pkg/choreography"
)

// TestTheReferencesExamples parses every example of the language's page: whole
// files, and reactions that are put into one.
func TestTheReferencesExamples(t *testing.T) {
	page, err := os.ReadFile("../../docs/reference/choreography.md")
	require.NoError(t, err)
	blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(string(page), -1)
	require.Greater(t, len(blocks), 10)
	used := ""
	for _, b := range blocks {
		text := b[1]
		used += text
		if !strings.HasPrefix(text, "choreography:") {
			text = "choreography: example\nstarts: [order.placed]\nreactions:\n" + text
			parse(t, text)
			continue
		}
		require.Empty(t, choreography.Check(parse(t, text)), text)
	}
	for _, field := range fieldsOfTheSchema(t) {
		require.Contains(t, used, field+":", "no example has %s", field)
		require.Contains(t, string(page), "`"+field+"`", "the page does not tell of %s", field)
	}
}

// fieldsOfTheSchema returns the names of all fields that a file may have.
func fieldsOfTheSchema(t *testing.T) (fields []string) {
	t.Helper()
	var doc map[string]any
	require.NoError(t, json.Unmarshal(choreography.Schema(), &doc))
	add := func(properties any) {
		for _, name := range reflect.ValueOf(properties).MapKeys() {
			fields = append(fields, name.String())
		}
	}
	add(doc["properties"])
	add(doc["$defs"].(map[string]any)["reaction"].(map[string]any)["properties"])
	require.Greater(t, len(fields), 15)
	return fields
}
