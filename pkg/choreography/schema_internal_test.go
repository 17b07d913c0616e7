package choreography

import (
	"flag"
	"os"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"
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
	for _, form := range []reflect.Type{reflect.TypeFor[document](), reflect.TypeFor[reactionForm](), reflect.TypeFor[outcomesForm](), reflect.TypeFor[joinForm]()} {
		for _, f := range formFields(form) {
			_, ok := reflect.New(f.Type).Interface().(value)
			require.True(t, ok, "%s.%s", form, f.Name)
			require.NotEmpty(t, f.Tag.Get("doc"), "%s.%s", form, f.Name)
		}
	}
}
