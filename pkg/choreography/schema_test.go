package choreography_test

import (
	"bytes"
	"os"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/laban-io/laban/pkg/choreography"
)

// bySchema returns what validates a text by the JSON Schema.
func bySchema(t testing.TB) func(text []byte) error {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(choreography.Schema()))
	require.NoError(t, err)
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft2020)
	require.NoError(t, compiler.AddResource("schema.json", doc))
	schema, err := compiler.Compile("schema.json")
	require.NoError(t, err)
	return func(text []byte) error {
		var v any
		if err := yaml.Unmarshal(text, &v); err != nil {
			return err
		}
		return schema.Validate(v)
	}
}

func TestSchemaTakesContractsAndRefusesOthers(t *testing.T) {
	valid := bySchema(t)
	for _, file := range []string{orderFile, "../../examples/tutorial/intended.choreography.yaml", "../../examples/tutorial/published.choreography.yaml"} {
		contract, err := os.ReadFile(file)
		require.NoError(t, err)
		require.NoError(t, valid(contract), file)
	}
	for _, good := range []string{
		"{choreography: a, starts: b, reactions: [{service: c, emits: b}]}",
		"{choreography: a, starts: [b], idle: 1d12h, reactions: [{service: [c], on: {all: [b, d]}, if: x, unless: [y], emits: e, within: 1.5s, optional: true}], events: {b: B}}",
		"{choreography: a, starts: 'b*.#c..d', reactions: [{service: c, emits: b, side: true, optional: false}]}",
	} {
		require.NoError(t, valid([]byte(good)), good)
		_, err := choreography.Parse("x", []byte(good))
		require.NoError(t, err, "the schema and Parse agree")
	}
	for _, bad := range []string{
		"[]",
		"{choreography: a, starts: b}",
		"{choreography: a, starts: b, reactions: []}",
		"{choreography: 12, starts: b, reactions: [{service: c, emits: b}]}",
		"{choreography: 'a:b', starts: b, reactions: [{service: c, emits: b}]}",
		"{choreography: a, start: b, reactions: [{service: c, emits: b}]}",
		"{choreography: a, starts: b, reactions: [{emits: b}]}",
		"{choreography: a, starts: b, reactions: [{service: c, emit: b}]}",
		"{choreography: a, starts: b, reactions: [{service: c, emits: [b, b]}]}",
		"{choreography: a, starts: b, reactions: [{service: c, emits: [b, 5]}]}",
		"{choreography: a, starts: b, reactions: [{service: c, emits: ' b'}]}",
		"{choreography: a, starts: b, reactions: [{service: c, emits: []}]}",
		"{choreography: a, starts: b, reactions: [{service: c}]}",
		"{choreography: a, starts: b, reactions: [{service: c, on: 'b.*'}]}",
		"{choreography: a, starts: b, reactions: [{service: c, on: ['#']}]}",
		"{choreography: a, starts: b, reactions: [{service: c, on: {any: [b]}}]}",
		"{choreography: a, starts: b, reactions: [{service: c, on: {}}]}",
		"{choreography: a, starts: b, reactions: [{service: c, on: b, emits: x}]}",
		"{choreography: a, starts: b, reactions: [{service: c, on: b, undoes: x}]}",
		"{choreography: a, starts: b, reactions: [{service: c, on: b, if: x}]}",
		"{choreography: a, starts: b, reactions: [{service: c, emits: b, unless: x}]}",
		"{choreography: a, starts: b, reactions: [{service: c, emits: b, within: 5s}]}",
		"{choreography: a, starts: b, reactions: [{service: c, on: b, emits: x, within: soon}]}",
		"{choreography: a, starts: b, reactions: [{service: c, on: b, emits: x, within: 5}]}",
		"{choreography: a, starts: b, reactions: [{service: c, on: b, emits: x, within: 5s, side: yes please}]}",
		"{choreography: a, starts: b, outcomes: {good: [x]}, reactions: [{service: c, emits: b}]}",
	} {
		require.Error(t, valid([]byte(bad)), bad)
		_, err := choreography.Parse("x", []byte(bad))
		require.Error(t, err, "the schema and Parse agree: %s", bad)
	}
}
