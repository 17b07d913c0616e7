package choreography

import (
	"bytes"
	"flag"
	"os"
	"reflect"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

var update = flag.Bool("update", false, "write the JSON Schema anew")

func TestSchemaIsCommitted(t *testing.T) {
	text, err := generateSchema()
	require.NoError(t, err)
	if *update {
		require.NoError(t, os.WriteFile("choreography.schema.json", text, 0o600))
		return
	}
	require.Equal(t, string(text), string(Schema()), "the types changed: run go generate ./pkg/choreography")
}

// TestEveryFieldIsRead finds a field of a form that the decoder and the schema
// would pass over.
func TestEveryFieldIsRead(t *testing.T) {
	for _, form := range []reflect.Type{reflect.TypeFor[document](), reflect.TypeFor[reactionForm](), reflect.TypeFor[outcomesForm]()} {
		for _, f := range formFields(form) {
			_, ok := reflect.New(f.Type).Interface().(value)
			require.True(t, ok, "%s.%s", form, f.Name)
			require.NotEmpty(t, f.Tag.Get("doc"), "%s.%s", form, f.Name)
		}
	}
}

func TestSchemaTakesContractsAndRefusesOthers(t *testing.T) {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema()))
	require.NoError(t, err)
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft2020)
	require.NoError(t, compiler.AddResource("schema.json", doc))
	schema, err := compiler.Compile("schema.json")
	require.NoError(t, err)
	valid := func(text string) error {
		var v any
		require.NoError(t, yaml.Unmarshal([]byte(text), &v))
		return schema.Validate(v)
	}

	contract, err := os.ReadFile("../../services/order.choreography.yaml")
	require.NoError(t, err)
	require.NoError(t, valid(string(contract)))
	for _, good := range []string{
		"{choreography: a, starts: b, reactions: [{service: c, emits: b}]}",
		"{choreography: a, starts: [b], idle: 1d12h, reactions: [{service: [c], on: {all: [b, d]}, if: x, unless: [y], emits: e, within: 1.5s, optional: true}], events: {b: B}}",
	} {
		require.NoError(t, valid(good))
		_, err := Parse("x", []byte(good))
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
		"{choreography: a, starts: b, reactions: [{service: c, emits: []}]}",
		"{choreography: a, starts: b, reactions: [{service: c, on: {any: [b]}}]}",
		"{choreography: a, starts: b, reactions: [{service: c, on: b, emits: x, within: soon}]}",
		"{choreography: a, starts: b, reactions: [{service: c, on: b, emits: x, within: 5}]}",
		"{choreography: a, starts: b, reactions: [{service: c, on: b, emits: x, within: 5s, side: yes please}]}",
		"{choreography: a, starts: b, outcomes: {good: [x]}, reactions: [{service: c, emits: b}]}",
	} {
		require.Error(t, valid(bad), bad)
		_, err := Parse("x", []byte(bad))
		require.Error(t, err, "the schema and Parse agree: %s", bad)
	}
}
