package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/laban-io/laban/internal/observer/api"
	"github.com/laban-io/laban/internal/parked"
)

func parkedListCommand(s streams) *cobra.Command {
	f := &parkedFlags{}
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List messages that wait, by what went wrong",
		Long: `List messages that no service will process any more, those that failed alike in
one line: how many there are, since when, and the error.

Nothing is taken from a queue to look at it: each message has left a copy in the
log, which is read from an hour back, or from further back where the queues hold
more. How many they hold is compared with what was found, and said.

` + aboutParked,
		Example: `  laban parked list
  laban parked list --service payment --error timeout
  laban parked list --kind unrouted --since 7d
  laban parked list -o json | jq -r '.messages[].id'`,
		Args: noArguments,
	}
	f.add(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
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
		if f.ask.json() {
			return printJSON(s.out, b.listing(l))
		}
		return printParked(s.out, l, paperOf(s.out))
	}
	return cmd
}

// shown is a message with its payload, for programs.
type shown struct {
	parked.Message
	Payload string `json:"payload,omitempty"`
}

// shownGroup is a group with its example's payload.
type shownGroup struct {
	parked.Group
	Example shown `json:"example"`
}

type shownListing struct {
	parked.Listing
	Groups []shownGroup `json:"groups"`
}

func (b *bench) listing(l *parked.Listing) shownListing {
	out := shownListing{Listing: *l, Groups: make([]shownGroup, len(l.Groups))}
	for i := range l.Groups {
		out.Groups[i] = shownGroup{l.Groups[i], b.shown(&l.Groups[i].Example)}
	}
	return out
}

func (b *bench) shown(m *parked.Message) shown { return shown{*m, b.redact(m.Data)} }

// printParked prints groups as a table, and what could not be seen.
func printParked(w io.Writer, l *parked.Listing, p paper) error {
	var out strings.Builder
	if len(l.Groups) == 0 {
		out.WriteString("nothing waits for a person\n")
	} else {
		t := rows{paper: p}
		t.add("COUNT", "WHERE", "EVENT", "FIRST", "LAST", "ERROR")
		for i := range l.Groups {
			g := &l.Groups[i]
			t.add(strconv.Itoa(g.Count), boxName(g.Kind, g.Service), g.Type, p.clock(g.First), p.clock(g.Last), firstLine(g.Example.Error))
		}
		t.print(&out)
		example := l.Groups[0].Example
		fmt.Fprintf(&out, "\n%s. To see one: laban parked show %s\n", counted(len(l.Messages), "message"), api.Plain(example.ID))
	}
	for _, n := range l.Notes {
		for _, line := range wrap("note: "+api.Plain(n), max(p.width, narrow)) {
			out.WriteString(line + "\n")
		}
	}
	_, err := io.WriteString(w, out.String())
	return err
}

// boxName names the box of a message.
func boxName(kind parked.Kind, service string) string {
	switch {
	case service == "":
		return string(kind)
	case kind == parked.Parked:
		return service
	default:
		return service + " (" + string(kind) + ")"
	}
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}

// rows is a table whose last column takes the rest of the width.
type rows struct {
	paper
	all [][]string
}

func (t *rows) add(cells ...string) {
	for i := range cells {
		cells[i] = api.Plain(cells[i])
	}
	t.all = append(t.all, cells)
}

func (t *rows) print(w *strings.Builder) {
	widths := make([]int, len(t.all[0]))
	for _, r := range t.all {
		for i, cell := range r {
			widths[i] = max(widths[i], len([]rune(cell)))
		}
	}
	for n, r := range t.all {
		for i, cell := range r[:len(r)-1] {
			r[i] = cell + strings.Repeat(" ", widths[i]-len([]rune(cell)))
		}
		line := strings.TrimRight(strings.Join(r, "  "), " ")
		if t.width > 0 {
			line = cut(line, t.width)
		}
		if n == 0 {
			line = t.paint(dim, line)
		}
		w.WriteString(line + "\n")
	}
}
