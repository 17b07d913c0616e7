package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/laban-io/laban/internal/observer/api"
	"github.com/laban-io/laban/internal/parked"
)

func parkedShowCommand(s streams) *cobra.Command {
	f := &parkedFlags{}
	cmd := &cobra.Command{
		Use:   "show ID",
		Short: "Show a message, its headers, error and payload, and how far its flow is",
		Long: `Show all that is known of a message: why it failed, how far its flow has come
meanwhile, what redriving it would do, its headers and its payload. With
--config, the payload is redacted as the observer's configuration says.

` + aboutParked,
		Example: `  laban parked show 01JH2T8Q7P9V0XKZ4M6N8R3S5T
  laban parked show 1042                   # all of an order's
  laban parked show 1042 -o json`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usageError(cmd, fmt.Errorf("say which message: %s ID, or the key of its flow", cmd.CommandPath()))
			}
			return nil
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	f.add(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		f.ids = args
		b, err := f.open(cmd, s)
		if err != nil {
			return err
		}
		defer b.close()
		l, err := b.desk.List(cmd.Context(), b.filter, b.tell)
		b.clear()
		if err != nil {
			return err
		}
		if len(l.Messages) == 0 {
			return fmt.Errorf("no message with the id %s waits, nor one of a flow with that id or key; laban parked list shows what does", api.Plain(args[0]))
		}
		previews, err := b.desk.Preview(cmd.Context(), l.Messages)
		if err != nil {
			return err
		}
		var all []any
		for i := range previews {
			whole, err := b.desk.Read(cmd.Context(), l.Messages[i].Kind, l.Messages[i].Place)
			if err != nil {
				return err
			}
			l.Messages[i].Headers, l.Messages[i].ContentType, l.Messages[i].Data = whole.Headers, whole.ContentType, whole.Data
			if f.ask.json() {
				all = append(all, struct {
					shown
					Preview parked.Preview `json:"preview"`
				}{b.shown(&l.Messages[i]), previews[i]})
				continue
			}
			if err := b.print(s.out, &l.Messages[i], &previews[i], paperOf(s.out)); err != nil {
				return err
			}
		}
		if f.ask.json() {
			return printJSON(s.out, all)
		}
		return nil
	}
	return cmd
}

// print prints one message.
func (b *bench) print(w io.Writer, m *parked.Message, v *parked.Preview, p paper) error {
	var out strings.Builder
	width := max(min(cmp.Or(p.width, narrow), wide), 40)
	fact := func(name, value string) {
		for i, line := range wrap(api.Plain(value), width-12) {
			fmt.Fprintf(&out, "%-11s %s\n", branch(i == 0, name, ""), line)
		}
	}
	fmt.Fprintf(&out, "%s\n", p.paint(yellow, api.Plain(m.Type+" "+string(m.Kind)+branch(m.Service == "", "", " at "+m.Service))))
	fact("id", m.ID)
	if m.Source != "" {
		fact("from", m.Source)
	}
	if m.FlowID != "" {
		fact("flow", strings.TrimSpace(m.FlowName+" "+m.Key)+" ("+m.FlowID+")")
	}
	if m.Attempt > 0 {
		fact("attempts", strconv.Itoa(m.Attempt))
	}
	if !m.When().IsZero() {
		fact(branch(m.At.IsZero(), "made", "since"), m.When().In(p.location).Format("2006-01-02 15:04:05 MST"))
	}
	if m.Error != "" {
		fact("error", m.Error)
	}
	if m.Malformed != "" {
		fact("unreadable", m.Malformed)
	}
	fact("meanwhile", v.Standing)
	fact("a redrive", branch(v.Refused, "is refused, unless forced: ", "")+v.Effect)
	out.WriteString("\nheaders\n")
	for _, name := range sortedHeaders(m.Headers) {
		fmt.Fprintf(&out, "  %s: %s\n", api.Plain(name), cut(api.Plain(m.Headers[name]), 1000))
	}
	fmt.Fprintf(&out, "\npayload (%s, %d bytes)\n", cmp.Or(api.Plain(m.ContentType), "of no type"), len(m.Data))
	payload := b.redact(m.Data)
	if payload == "" && len(m.Data) > 0 {
		payload = "it is not shown: it is no text, larger than 256 KiB, or not the JSON that the redactions of the configuration are about"
	}
	for line := range strings.Lines(indented(payload)) {
		out.WriteString("  " + api.Plain(strings.TrimSuffix(line, "\n")) + "\n")
	}
	out.WriteByte('\n')
	_, err := io.WriteString(w, out.String())
	return err
}

// indented breaks JSON into lines; all else stays as it is.
func indented(payload string) string {
	var out bytes.Buffer
	if json.Indent(&out, []byte(payload), "", "  ") != nil {
		return payload
	}
	return out.String()
}

func sortedHeaders(headers map[string]string) []string {
	names := make([]string, 0, len(headers))
	for name := range headers {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
