package main

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/laban-io/laban/internal/observer/api"
)

// printTable prints flows a line each.
func printTable(w io.Writer, page api.FlowPage, p paper) error {
	if len(page.Flows) == 0 {
		_, err := fmt.Fprintln(w, "No flows.")
		return err
	}
	several := false
	for i := range page.Flows {
		several = several || page.Flows[i].Choreography != page.Flows[0].Choreography
	}
	rows := [][]string{{"STARTED", "KEY", "STATUS", "SINCE", "CAUSE", "WAITS FOR"}}
	for i := range page.Flows {
		rows = append(rows, tableRow(&page.Flows[i], several, p))
	}
	var b strings.Builder
	writeRows(&b, rows, p)
	if page.Next != "" {
		fmt.Fprintf(&b, "There are more: --all, or --cursor %s\n", api.Plain(page.Next))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func tableRow(f *api.Flow, several bool, p paper) []string {
	key := f.Key
	if key == "" {
		key = f.ID
	}
	if several {
		key = f.Choreography + " " + key
	}
	row := []string{p.clock(f.StartedAt), api.Plain(key), f.Status, "", "", ""}
	o := mostUrgent(f.Waiting)
	if o == nil {
		return row
	}
	row[3] = p.clock(o.Since)
	if o.Cause != nil {
		row[4] = o.Cause.Kind
	}
	row[5] = api.Plain(o.Service + ": " + strings.Join(o.For, " | "))
	return row
}

// mostUrgent is what a flow waits for: what is overdue comes first, and side
// reactions come only if nothing else is owed and they are.
func mostUrgent(waiting []api.Waiting) *api.Waiting {
	var first *api.Waiting
	rank := func(o *api.Waiting) int {
		switch {
		case o.Overdue && !o.Side && !o.Optional:
			return 0
		case !o.Side && !o.Optional:
			return 1
		case o.Overdue:
			return 2
		default:
			return 3
		}
	}
	for i := range waiting {
		o := &waiting[i]
		if r := rank(o); r < 3 && (first == nil || r < rank(first)) {
			first = o
		}
	}
	return first
}

// writeRows aligns columns; the last one takes what room is left.
func writeRows(b *strings.Builder, rows [][]string, p paper) {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for n, row := range rows {
		left := p.width
		var line strings.Builder
		for i, cell := range row {
			if widths[i] == 0 {
				continue
			}
			if i == len(row)-1 {
				if p.width > 0 {
					cell = cut(cell, max(left, 0))
				}
				line.WriteString(cell)
				continue
			}
			padding := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)+2)
			left -= widths[i] + 2
			if n > 0 && i == 2 {
				cell = p.paint(statusColour(cell), cell)
			}
			line.WriteString(cell + padding)
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
}
