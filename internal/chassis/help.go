package chassis

import (
	"fmt"
	"io"
	"reflect"
	"strings"
)

// variable is one line of the table of --help.
type variable struct {
	group, name, value, help string
}

// telemetryVariables are those of OpenTelemetry that people need first. The
// SDK and its exporters read them, and all others of the specification, on
// their own.
//
// Source: OpenTelemetry specification, "Environment Variable Specification".
func telemetryVariables(spec Spec) []variable {
	return []variable{
		{"Telemetry", "OTEL_EXPORTER_OTLP_ENDPOINT", "", "where traces go, such as http://127.0.0.1:4318; nowhere if not set"},
		{"", "OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf", "http/protobuf or grpc"},
		{"", "OTEL_TRACES_EXPORTER", "", "otlp, console or none"},
		{"", "OTEL_TRACES_SAMPLER", "parentbased_always_on", "which traces are kept; OTEL_TRACES_SAMPLER_ARG is its argument"},
		{"", "OTEL_PROPAGATORS", "tracecontext,baggage", "how trace context travels"},
		{"", "OTEL_SERVICE_NAME", spec.Name, "the service's name in traces and metrics"},
		{"", "OTEL_RESOURCE_ATTRIBUTES", "", "more about this process, as key=value,key=value"},
		{"", "OTEL_SDK_DISABLED", "false", "true turns all of it off"},
	}
}

// variables returns every variable that a process of spec reads, in groups.
func variables(spec Spec) []variable {
	defaults := defaultConfig(spec)
	vars := variablesOf(&defaults, "")
	vars = append(vars, telemetryVariables(spec)...)
	if spec.Settings != nil {
		vars = append(vars, variablesOf(spec.Settings, "The service's own")...)
	}
	return vars
}

// variablesOf reads the tags of target, a pointer to a struct. A field without
// envDefault shows the value that it has.
func variablesOf(target any, group string) []variable {
	v := reflect.ValueOf(target).Elem()
	var vars []variable
	for i := range v.NumField() {
		field := v.Type().Field(i)
		name, _, _ := strings.Cut(field.Tag.Get("env"), ",")
		if name == "" || name == "-" {
			continue
		}
		value, ok := field.Tag.Lookup("envDefault")
		if !ok && !v.Field(i).IsZero() {
			value = fmt.Sprint(v.Field(i).Interface())
		}
		if g := field.Tag.Get("group"); g != "" {
			group = g
		}
		vars = append(vars, variable{group: group, name: name, value: value, help: field.Tag.Get("help")})
		group = ""
	}
	return vars
}

// writeHelp writes what the service does and what it reads from its
// environment, as a table that teaches.
func writeHelp(w io.Writer, spec Spec) {
	fmt.Fprintf(w, "%s: %s\n\nIt takes no arguments; it is configured by its environment:\n", spec.Name, spec.Summary)
	for _, v := range variables(spec) {
		if v.group != "" {
			fmt.Fprintf(w, "\n%s\n", v.group)
		}
		line := v.help
		if v.value != "" {
			line += " (default " + v.value + ")"
		}
		writeEntry(w, v.name, line)
	}
	fmt.Fprintf(w, "\nIt serves /healthz (the process runs), /readyz (it does its work, or why not) and /metrics.\n"+
		"SIGTERM or SIGINT stops it in order; a second one stops it at once.\n")
}

// Widths of the table: it is readable in a terminal of 100 columns.
const (
	nameWidth = 28
	textWidth = 68
)

// writeEntry writes a name and its text, wrapped beside it.
func writeEntry(w io.Writer, name, text string) {
	for i, line := range wrap(text, textWidth) {
		if i > 0 {
			name = ""
		}
		fmt.Fprintf(w, "  %-*s %s\n", nameWidth, name, line)
	}
}

// wrap breaks text between words into lines of at most width bytes; a longer
// word has a line of its own.
func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		switch {
		case line == "":
			line = word
		case len(line)+1+len(word) <= width:
			line += " " + word
		default:
			lines = append(lines, line)
			line = word
		}
	}
	return append(lines, line)
}
