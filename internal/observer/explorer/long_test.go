package explorer_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/pkg/flow"
)

// picking is a flow of many events: each item of a list is picked and packed.
const picking = `
choreography: picking
starts: [list.opened]
outcomes:
  completed: [list.closed]
reactions:
  - {service: desk, emits: [list.opened, item.asked, list.closed]}
  - {service: warehouse, on: [item.asked],  emits: [item.picked], within: 30s}
  - {service: packing,   on: [item.picked], emits: [item.packed], within: 60s}
  - {service: label,     on: [item.packed], emits: [label.printed], within: 60s, side: true}
`

// pick picks so many items in one flow, four events each and one for the list;
// the last of them is not picked.
func (w *world) pick(key string, items int) {
	w.t.Helper()
	w.rules(picking)
	at := func(service string) func(*flow.Event) {
		return func(e *flow.Event) { e.FlowName, e.Source = "picking", "/shop/"+service }
	}
	list := w.Event(key, "list.opened", "", at("desk"))
	for n := range items {
		w.Pulse(250 * time.Millisecond)
		asked := w.Event(key, "item.asked", list, at("desk"))
		if n == items-1 {
			break
		}
		w.Pulse(250 * time.Millisecond)
		picked := w.Event(key, "item.picked", asked, at("warehouse"))
		w.Pulse(250 * time.Millisecond)
		packed := w.Event(key, "item.packed", picked, at("packing"))
		w.Event(key, "label.printed", packed, at("label"))
	}
	w.Pulse(45 * time.Second)
	w.Commit()
}

// TestAJourneyOfManyEvents: 400 events read as four do. What is missing comes
// first, the time line is whole, the diagram is folded, and nothing is slow or
// wider than its window.
func TestAJourneyOfManyEvents(t *testing.T) {
	w := newWorld(t, false, "")
	w.pick("7", 101)
	b := open(t, w)
	for theme, width := range map[string]int64{"light": 1280, "dark": 390} {
		where := fmt.Sprintf("%d px, %s", width, theme)
		b.show(t, "/flows/F7", theme, width)
		require.LessOrEqual(t, ask[int](t, b, "document.documentElement.scrollWidth - document.documentElement.clientWidth"), 0, where)
		require.Equal(t, 402, ask[int](t, b, `document.querySelectorAll("#timeline tbody tr:not(.gone)").length`), where)
		require.Equal(t, 1, ask[int](t, b, `document.querySelectorAll("#timeline tbody tr.gone").length`), where)
		require.Contains(t, ask[string](t, b, `document.querySelector(".sentence").textContent`), "waits for warehouse to emit item.picked", where)
		require.Less(t, ask[float64](t, b, `document.querySelector(".missing").getBoundingClientRect().top`), 844.0, "what is missing is seen at once: "+where)
		require.False(t, ask[bool](t, b, `document.getElementById("sequence-fold").open`), "the diagram is folded: "+where)
		require.Less(t, ask[int](t, b, `document.querySelectorAll("*").length`), 20_000, where)
		// Laid out and painted, by the page's own clock, on however busy a machine.
		require.Less(t, ask[float64](t, b, `performance.getEntriesByType("navigation")[0].domComplete`), 20_000.0, where)

		// The last event is there at one click, and the critical path alone.
		ask[any](t, b, `document.querySelector(".missing a[href^='#e']").click()`)
		b.eventually(t, `location.hash === "#e402"`, where)
		require.Less(t, ask[float64](t, b, `Math.abs(document.getElementById("e402").getBoundingClientRect().top)`), 844.0, where)
		ask[any](t, b, `document.getElementById("sequence-fold").open = true`)
		require.LessOrEqual(t, ask[int](t, b, "document.documentElement.scrollWidth - document.documentElement.clientWidth"), 0, "with its diagram: "+where)
		require.Equal(t, 402, ask[int](t, b, `document.querySelectorAll(".sequence .message").length`), "each that was caused, and the one that waits: "+where)
		require.Equal(t, 1, ask[int](t, b, `document.querySelectorAll(".sequence .note.missing").length`), where)
	}
	b.clean(t, "a journey of many events")
	_, markdown := w.get("/flows/F7.md")
	require.Equal(t, 402+1, strings.Count(markdown, "\n| "), "one line each, in the ticket, too")
}
