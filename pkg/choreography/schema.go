package choreography

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"reflect"
)

//go:generate go test -run TestSchemaIsCommitted -update

//go:embed choreography.schema.json
var committedSchema []byte

// Schema returns the JSON Schema (draft 2020-12) of a contract, for editors and
// other tools. It describes the form of a file; [Parse] also refuses what
// contradicts itself.
func Schema() []byte { return bytes.Clone(committedSchema) }

// object is a JSON object.
type object = map[string]any

// generateSchema derives the schema from the types that read a file.
func generateSchema() ([]byte, error) {
	root := formSchema(reflect.TypeFor[document]())
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["$id"] = "https://laban.io/choreography.schema.json"
	root["title"] = "Choreography"
	root["description"] = "A contract between services that react to each other's events: who reacts to what, with which outcomes, and within what time."
	root["$defs"] = object{
		"name":     object{"type": "string", "minLength": 1, "maxLength": MaxName, "pattern": `^\S(.*\S)?$`},
		"list":     object{"type": "array", "items": ref("name"), "minItems": 1, "maxItems": MaxEventTypes, "uniqueItems": true},
		"names":    object{"oneOf": []any{ref("name"), ref("list")}},
		"duration": object{"type": "string", "pattern": `^([0-9]+d)?(([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))*$`, "minLength": 2, "examples": []any{"250ms", "30s", "5m", "7d", "1d12h"}},
		"reaction": formSchema(reflect.TypeFor[reactionForm]()),
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	err := encoder.Encode(root)
	return text.Bytes(), err
}

func ref(def string) object { return object{"$ref": "#/$defs/" + def} }

// formSchema returns the schema of a form: its fields, and no others.
func formSchema(t reflect.Type) object {
	properties := object{}
	var required []string
	for _, f := range formFields(t) {
		name := f.Tag.Get("yaml")
		v, ok := reflect.New(f.Type).Interface().(value)
		if !ok {
			continue // the test of the schema finds that the field is missing
		}
		schema := v.schema()
		if doc := f.Tag.Get("doc"); doc != "" {
			schema["description"] = doc
		}
		properties[name] = schema
		if f.Tag.Get("need") != "" {
			required = append(required, name)
		}
	}
	schema := object{"type": "object", "properties": properties, "additionalProperties": false}
	if required != nil {
		schema["required"] = required
	}
	return schema
}

func (*words) schema() object { return ref("names") }
func (*label) schema() object { return ref("name") }
func (*span) schema() object  { return ref("duration") }
func (*truth) schema() object { return object{"type": "boolean", "default": false} }

func (*prose) schema() object {
	return object{"type": []any{"string", "number", "boolean"}, "maxLength": MaxDescription}
}

func (*nameText) schema() object {
	return object{"type": "string", "pattern": namePattern().String()}
}

func (*join) schema() object {
	return object{"oneOf": []any{ref("name"), ref("list"), object{
		"type": "object", "properties": object{"all": ref("names")}, "required": []any{"all"}, "additionalProperties": false,
	}}}
}

func (*outcomesForm) schema() object { return formSchema(reflect.TypeFor[outcomesForm]()) }

func (*reactionList) schema() object {
	return object{"type": "array", "items": ref("reaction"), "minItems": 1, "maxItems": MaxReactions}
}

func (*descriptions) schema() object {
	return object{"type": "object", "propertyNames": ref("name"), "additionalProperties": (*prose)(nil).schema()}
}
