package explorer

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/laban-io/laban/internal/observer/api"
)

// markdown is a journey for a ticket.
func (x *Explorer) markdown(b *journeyBody) string {
	var t strings.Builder
	fmt.Fprintf(&t, "### %s: %s\n\n%s\n\n", escaped(b.Name), b.Status, escaped(b.Sentence))
	fmt.Fprintf(&t, "- Flow: `%s` of %s\n", code(b.ID), escaped(b.Choreography))
	if b.TraceID != "" {
		fmt.Fprintf(&t, "- Trace: `%s`", code(b.TraceID))
		if b.Jaeger != "" {
			fmt.Fprintf(&t, " (<%s>)", strings.NewReplacer("<", "%3C", ">", "%3E", " ", "%20").Replace(b.Jaeger))
		}
		t.WriteString("\n")
	}
	fmt.Fprintf(&t, "- Started: %s\n- As of: %s\n", orNot(x.full(b.StartedAt)), orNot(x.full(b.AsOf)))
	if len(b.Missing) > 0 {
		t.WriteString("\n**Missing**\n\n")
		for i := range b.Missing {
			m := &b.Missing[i]
			fmt.Fprintf(&t, "- %s owes %s since %s, %s overdue", escaped(m.Service), escaped(api.Alternatives(m.For)), x.clock(m.Since), api.Lasting(m.Late))
			if m.Cause != nil {
				fmt.Fprintf(&t, "; cause: %s (%s)", m.Cause.Kind, m.Cause.Certainty)
				if m.Cause.Evidence != "" {
					fmt.Fprintf(&t, ": %s", escaped(m.Cause.Evidence))
				}
			}
			t.WriteString("\n")
		}
	}
	t.WriteString("\n| # | after | event | service | caused by | took |\n|--:|--:|---|---|--:|--:|\n")
	for i := range b.Steps {
		s := &b.Steps[i]
		cause, took := "", ""
		if s.Cause > 0 {
			cause = strconv.Itoa(s.Cause)
		}
		if s.EdgeMS != nil {
			took = milliseconds(*s.EdgeMS)
		}
		fmt.Fprintf(&t, "| %d | %s | %s | %s | %s | %s |\n", s.Number, brief(s.Since), escaped(s.Type), escaped(strings.TrimSpace(s.Owner+" "+s.Version)), cause, took)
	}
	if len(b.Failures) > 0 {
		t.WriteString("\n**Failures**\n\n")
		for i := range b.Failures {
			f := &b.Failures[i]
			fmt.Fprintf(&t, "- %s: %s, %s", x.clock(f.LogTime), f.Kind, escaped(f.Type))
			if f.Service != "" {
				fmt.Fprintf(&t, " at %s", escaped(f.Service))
			}
			if f.Error != "" {
				fmt.Fprintf(&t, ": `%s`", code(f.Error))
			}
			t.WriteString("\n")
		}
	}
	for i := range b.Deviations {
		if i == 0 {
			t.WriteString("\n**Deviations**\n\n")
		}
		fmt.Fprintf(&t, "- %s: %s\n", b.Deviations[i].Kind, escaped(b.Deviations[i].Detail))
	}
	return t.String()
}

func orNot(text string) string {
	if text == "" {
		return "not seen"
	}
	return text
}

// escaped is text that Markdown shows as it is.
func escaped(text string) string {
	var b strings.Builder
	for _, r := range strings.ReplaceAll(api.Plain(text), "\n", " ") {
		if strings.ContainsRune("\\`*_{}[]<>#|!~@&", r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// code is text within backquotes.
func code(text string) string {
	return strings.NewReplacer("`", "'", "|", "\\|", "\n", " ").Replace(api.Plain(text))
}
