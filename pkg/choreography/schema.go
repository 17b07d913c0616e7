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
// contradicts itself. Beside the standard's keywords it has those by which
// editors that build on the YAML language server word what is wrong
// (errorMessage, patternErrorMessage) and propose what to write
// (defaultSnippets); others pass over them.
func Schema() []byte { return bytes.Clone(committedSchema) }

// object is a JSON object.
type object = map[string]any

// fieldList is a JSON object whose fields keep their order, in which editors
// propose them.
type fieldList []schemaField

type schemaField struct {
	name   string
	schema object
}

// MarshalJSON writes the fields in order.
func (l fieldList) MarshalJSON() ([]byte, error) {
	text := []byte{'{'}
	for i, f := range l {
		if i > 0 {
			text = append(text, ',')
		}
		name, err := json.Marshal(f.name)
		if err != nil {
			return nil, err
		}
		schema, err := json.Marshal(f.schema)
		if err != nil {
			return nil, err
		}
		text = append(append(append(text, name...), ':'), schema...)
	}
	return append(text, '}'), nil
}

// generateSchema derives the schema from the types that read a file.
func generateSchema() ([]byte, error) {
	root := formSchema(reflect.TypeFor[document]())
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["$id"] = "https://laban.io/choreography.schema.json"
	root["title"] = "Choreography"
	root["description"] = "A contract between services that react to each other's events: who reacts to what, with which outcomes, and within what time."
	root["defaultSnippets"] = []any{object{
		"label": "a contract", "description": "A choreography of two services, to begin with.",
		"bodyText": "choreography: ${1:shop}\nstarts: [${2:order.placed}]\noutcomes:\n  completed: [${3:order.shipped}]\n  failed: [${4:order.rejected}]\nreactions:\n" +
			"  - {service: ${5:web}, emits: [${2:order.placed}]}\n  - {service: ${6:store}, on: [${2:order.placed}], emits: [${3:order.shipped}, ${4:order.rejected}], within: ${7:30s}}\n",
	}}
	reaction := formSchema(reflect.TypeFor[reactionForm]())
	reaction["title"] = "Reaction"
	reaction["anyOf"] = []any{object{"required": []string{"on"}}, object{"required": []string{"emits"}}}
	reaction["if"] = object{"required": []string{"on", "emits"}}
	reaction["then"] = object{"required": []string{"within"}}
	owing := []string{"on", "emits"}
	reaction["dependentRequired"] = object{"if": owing, "unless": owing, "undoes": owing, "within": owing}
	root["$defs"] = object{
		"name":     nameSchema(),
		"names":    object{"type": []string{"array", "string"}, "errorMessage": nameHint, "allOf": []any{nameRules(), listSchema()}},
		"services": object{"type": []string{"string", "array"}, "errorMessage": nameHint, "allOf": []any{nameRules(), listSchema()}},
		"duration": object{
			"type": "string", "pattern": `^([0-9]+d)?(([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))*$`, "minLength": 2,
			"errorMessage": durationHint, "patternErrorMessage": durationHint, "examples": []string{"250ms", "30s", "5m", "2h", "7d", "1d12h"},
		},
		"reaction": reaction,
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	err := encoder.Encode(root)
	return text.Bytes(), err
}

func ref(def string) object { return object{"$ref": "#/$defs/" + def} }

// nameHint says what is wrong with a value that is no text.
const nameHint = "this must be a name; a number, or true, belongs in quotes"

// nameSchema is of one name.
func nameSchema() object {
	schema := nameRules()
	schema["type"], schema["errorMessage"] = "string", nameHint
	return schema
}

// nameRules is what a name must be like, if it is text.
func nameRules() object {
	return object{
		"minLength": 1, "maxLength": MaxName,
		"pattern": `^\S(.*\S)?$`, "patternErrorMessage": "a name must not begin or end with a space",
		"allOf": []any{object{
			"pattern":             `^(|[^.*#][^.]*|[*#][^.]+)(\.(|[^.*#][^.]*|[*#][^.]+))*$`, // no word is * or #
			"patternErrorMessage": "name each event type: a contract has no patterns",
		}},
	}
}

// listSchema is of a list of names.
func listSchema() object {
	return object{"items": ref("name"), "minItems": 1, "maxItems": MaxEventTypes, "uniqueItems": true}
}

// formSchema returns the schema of a form: its fields, and no others.
func formSchema(t reflect.Type) object {
	var properties fieldList
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
		properties = append(properties, schemaField{name, schema})
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

func (*words) schema() object    { return ref("names") }
func (*services) schema() object { return ref("services") }
func (*label) schema() object    { return ref("name") }
func (*span) schema() object     { return ref("duration") }
func (*truth) schema() object    { return object{"type": "boolean"} }

func (*prose) schema() object {
	return object{"type": []string{"string", "number", "boolean"}, "maxLength": MaxDescription}
}

func (*nameText) schema() object {
	return object{"type": "string", "pattern": namePattern().String(), "patternErrorMessage": choreographyNameHint}
}

func (*join) schema() object {
	const hint = "name event types: [order.placed], or {all: [stock.confirmed, payment.confirmed]} to wait for all of them"
	all := formSchema(reflect.TypeFor[joinForm]())
	delete(all, "type")
	all["errorMessage"] = hint
	// A list comes first, and the form of a join deeper, so that editors propose
	// the former.
	return object{"type": []string{"array", "string", "object"}, "errorMessage": hint, "allOf": []any{nameRules(), listSchema(), all}}
}

func (*outcomesForm) schema() object { return formSchema(reflect.TypeFor[outcomesForm]()) }

func (*reactionList) schema() object {
	return object{"type": "array", "items": ref("reaction"), "minItems": 1, "maxItems": MaxReactions}
}

func (*descriptions) schema() object {
	return object{"type": "object", "propertyNames": ref("name"), "additionalProperties": (*prose)(nil).schema()}
}
