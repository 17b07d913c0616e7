package chassis

import (
	"fmt"
	"strings"
)

// Reference returns what the given services read from their environment, as
// tables in Markdown: first what all of them read, then what is each one's own.
// It is made from the same tags as --help.
func Reference(services ...Spec) string {
	var b strings.Builder
	b.WriteString("## All services\n")
	table := func(vars []variable) {
		b.WriteString("| variable | default | |\n|---|---|---|\n")
		for _, v := range vars {
			value := ""
			if v.value != "" {
				value = "`" + v.value + "`"
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s |\n", v.name, value, strings.ReplaceAll(v.help, "|", `\|`))
		}
	}
	var group []variable
	end := func() {
		if len(group) > 0 {
			fmt.Fprintf(&b, "\n### %s\n\n", group[0].group)
			table(group)
		}
		group = nil
	}
	for _, v := range variables(Spec{Name: "NAME", DefaultAddr: "127.0.0.1:PORT"}) {
		if v.group != "" {
			end()
		}
		group = append(group, v)
	}
	end()
	for _, spec := range services {
		fmt.Fprintf(&b, "\n## %s\n\n%s Its `HTTP_ADDR` is `%s` by default.\n", spec.Name, spec.Summary, spec.DefaultAddr)
		if spec.Settings != nil {
			b.WriteString("\n")
			table(variablesOf(spec.Settings, ""))
		}
	}
	return b.String()
}
