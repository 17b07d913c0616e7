package learn_test

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/learn"
)

// logOf makes a log: of each entry "n× a.x b.y<1 c.z<2" n flows in which service
// a emits a.x, then b emits b.y because of the first event, and so on. Without
// causes, no event says what caused it.
func logOf(t *testing.T, causes bool, entries ...string) *learn.Log {
	t.Helper()
	log := learn.NewLog()
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	flows := 0
	for _, entry := range entries {
		times, rest, ok := strings.Cut(entry, "× ")
		require.True(t, ok, entry)
		n, err := strconv.Atoi(times)
		require.NoError(t, err)
		for range n {
			flows++
			for i, word := range strings.Fields(rest) {
				eventType, cause, caused := strings.Cut(word, "<")
				service, _, _ := strings.Cut(eventType, ".")
				at = at.Add(10 * time.Millisecond)
				r := &learn.Record{Type: eventType, Source: service, Key: strconv.Itoa(flows), ID: fmt.Sprintf("%d-%d", flows, i+1), Time: at}
				if caused && causes {
					r.CausationID = fmt.Sprintf("%d-%s", flows, cause)
				}
				log.Add(r)
			}
		}
	}
	log.EndedAt(at.Add(time.Hour))
	return log
}

// rules are a draft's reactions in a line each.
func rules(d *learn.Draft) (lines []string) {
	for _, r := range d.Reactions {
		line := r.Service + ":"
		if len(r.On) > 0 {
			line += map[bool]string{true: " all"}[r.All] + " " + strings.Join(r.On, ",")
		}
		for name, word := range map[string]string{" if ": r.If, " unless ": r.Unless, " undoes ": r.Undoes} {
			if word != "" {
				line += name + word
			}
		}
		line += " → " + strings.Join(r.Emits, ",")
		if r.Side {
			line += " side"
		}
		if r.Optional {
			line += " optional"
		}
		lines = append(lines, line)
	}
	return lines
}

func TestRules(t *testing.T) {
	for name, test := range map[string]struct {
		log  []string
		want []string
	}{
		"alternatives": {
			[]string{"30× a.start b.yes<1", "10× a.start b.no<1"},
			[]string{"a: → a.start", "b: a.start → b.yes,b.no"},
		},
		"two reactions to one event": {
			[]string{"40× a.start b.bill<1 b.parcel<1"},
			[]string{"a: → a.start", "b: a.start → b.bill", "b: a.start → b.parcel"},
		},
		"several triggers of one answer": {
			[]string{"20× a.start b.yes<1 c.told<2", "20× a.start b.no<1 c.told<2"},
			[]string{"a: → a.start", "b: a.start → b.yes,b.no", "c: b.yes,b.no → c.told"},
		},
		"a join, and who comes last causes the answer": {
			[]string{"20× a.start b.ready<1 c.ready<1 d.both<3", "20× a.start c.ready<1 b.ready<1 d.both<3"},
			[]string{"a: → a.start", "b: a.start → b.ready", "c: a.start → c.ready", "d: all b.ready,c.ready → d.both"},
		},
		"unless": {
			[]string{"30× a.start b.ready<1 c.sent<2", "6× a.start b.ready<1 a.stop", "4× a.start a.stop b.ready<1"},
			[]string{"a: → a.start,a.stop", "b: a.start → b.ready", "c: b.ready unless a.stop → c.sent"},
		},
		"if": {
			[]string{"30× a.start b.ready<1", "12× a.start a.gift b.ready<1 c.card<3"},
			[]string{"a: → a.start,a.gift", "b: a.start → b.ready", "c: b.ready if a.gift → c.card"},
		},
		"what comes unprompted": {
			[]string{"30× a.start b.ready<1", "10× a.start b.ready<1 b.hint"},
			[]string{"a: → a.start", "b: → b.hint", "b: a.start → b.ready"},
		},
		"a rare answer is not the rule": {
			[]string{"30× a.start", "8× a.start b.ready<1"},
			[]string{"a: → a.start", "b: a.start → b.ready optional"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := logOf(t, true, test.log...).Draft(learn.Answers{})
			require.NoError(t, err)
			require.Equal(t, test.want, rules(d), "%s", d.YAML)
		})
	}
}

// The store's answer is owed once for all triggers, and not where there is
// nothing to undo: a plain reaction explains neither.
func TestACompensationIsOwedForWhatWasDone(t *testing.T) {
	history := []string{
		"30× a.start b.held<1 c.taken<2",
		"10× a.start b.held<1 c.declined<2 b.freed<3",
		"6× a.start a.stop b.held<1 b.freed<2 c.declined<3",
		"4× a.start a.stop b.refused<1",
	}
	for _, causes := range []bool{true, false} {
		d, err := logOf(t, causes, history...).Draft(learn.Answers{})
		require.NoError(t, err)
		require.Contains(t, rules(d), "b: a.stop,c.declined undoes b.held → b.freed", "causes %t\n%s", causes, d.YAML)
		for _, q := range d.Questions {
			require.NotEqual(t, learn.AboutUndo, q.About, "the numbers tell it: %v", q)
		}
	}
}

func TestANameThatSoundsUndoneIsAskedAbout(t *testing.T) {
	log := logOf(t, true, "30× a.start b.held<1 c.taken<2", "10× a.start b.held<1 c.declined<2 b.released<3")
	d, err := log.Draft(learn.Answers{})
	require.NoError(t, err)
	require.Contains(t, rules(d), "b: c.declined undoes b.held → b.released")
	require.Contains(t, abouts(d), "undo b.released")

	d, err = log.Draft(learn.Answers{Undoes: map[string]string{"b.released": ""}})
	require.NoError(t, err)
	require.Contains(t, rules(d), "b: c.declined → b.released")
	require.NotContains(t, abouts(d), "undo b.released")

	d, err = logOf(t, true, "30× a.start b.held<1 c.taken<2", "10× a.start b.held<1 c.declined<2 b.put<3").
		Draft(learn.Answers{Undoes: map[string]string{"b.put": "b.held"}})
	require.NoError(t, err)
	require.Contains(t, rules(d), "b: c.declined undoes b.held → b.put", "a person's word counts")
}

// abouts are a draft's questions in a line each.
func abouts(d *learn.Draft) (lines []string) {
	for _, q := range d.Questions {
		lines = append(lines, string(q.About)+" "+strings.Join(q.Events, ","))
	}
	return lines
}

func TestOutcomesAreGuessedAndAsked(t *testing.T) {
	d, err := logOf(t, true,
		"30× a.start b.done<1", "10× a.start b.rejected<1", "6× a.start b.done<1 a.ask c.no<3",
	).Draft(learn.Answers{})
	require.NoError(t, err)
	classes := map[string]string{}
	for _, o := range d.Outcomes {
		classes[o.Event] = o.Class
	}
	require.Equal(t, map[string]string{"b.done": "completed", "b.rejected": "failed", "c.no": ""}, classes, "%s", d.YAML)
	require.Equal(t, []string{"outcome b.done", "outcome b.rejected", "outcome c.no"}, only(abouts(d), "outcome"))
	require.Equal(t, []string{"b.done"}, d.Contract.Outcomes.Completed)

	d, err = logOf(t, true, "30× a.start b.done<1", "10× a.start b.rejected<1").Draft(learn.Answers{Failed: []string{"b.done", "b.rejected"}})
	require.NoError(t, err)
	require.Empty(t, only(abouts(d), "outcome"))
	require.Equal(t, []string{"b.done", "b.rejected"}, d.Contract.Outcomes.Failed)
	require.Empty(t, d.Contract.Outcomes.Completed)
}

func only(lines []string, prefix string) (found []string) {
	for _, l := range lines {
		if strings.HasPrefix(l, prefix) {
			found = append(found, l)
		}
	}
	return found
}

func TestSideEffects(t *testing.T) {
	log := logOf(t, true, "40× a.start b.ready<1 m.mail<1 m.mail<2 c.sent<2 m.mail<5")
	d, err := log.Draft(learn.Answers{})
	require.NoError(t, err)
	require.Contains(t, rules(d), "m: a.start,b.ready,c.sent → m.mail side")
	require.Contains(t, abouts(d), "side m.mail")
	d, err = log.Draft(learn.Answers{Side: []string{}})
	require.NoError(t, err)
	require.Contains(t, rules(d), "m: a.start,b.ready,c.sent → m.mail")
	require.NotContains(t, abouts(d), "side m.mail")
}

func TestWhatIsNotLearnedFromIsCounted(t *testing.T) {
	log := logOf(t, true, "30× a.start b.ready<1", "2× b.ready", "1× a.start")
	log.Add(&learn.Record{Type: "a.start", Source: "a", Key: "1", ID: "1-1"})
	log.Add(&learn.Record{Type: "a.start"})
	d, err := log.Draft(learn.Answers{})
	require.NoError(t, err)
	require.Equal(t, learn.Counts{Records: 65, Duplicates: 1, Unplaced: 1}, d.Log)
	require.Equal(t, 33, d.Flows)
	require.Equal(t, 31, d.Learned)
	require.Equal(t, 2, d.WithoutStart)
	require.Equal(t, 1, d.Reactions[1].Expected-d.Reactions[1].Met)
}

// A flow that was still under way when the log ended is no example.
func TestFlowsAtTheEndOfTheLogAreLeftOut(t *testing.T) {
	log := learn.NewLog()
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for i := range 40 {
		at = at.Add(time.Second)
		log.Add(&learn.Record{Type: "a.start", Key: strconv.Itoa(i), Time: at})
		log.Add(&learn.Record{Type: "b.ready", Key: strconv.Itoa(i), Time: at.Add(100 * time.Millisecond)})
	}
	log.Add(&learn.Record{Type: "a.start", Key: "last", Time: at.Add(200 * time.Millisecond)})
	d, err := log.Draft(learn.Answers{})
	require.NoError(t, err)
	require.Equal(t, 2, d.Unfinished, "the last two")
	require.Equal(t, 39, d.Reactions[1].Met)
	log.EndedAt(at.Add(time.Hour))
	d, err = log.Draft(learn.Answers{})
	require.NoError(t, err)
	require.Zero(t, d.Unfinished)
	require.Equal(t, 41, d.Reactions[1].Expected)
}

// A key that comes back with a start is another flow; an id is not.
func TestAKeyMayComeBack(t *testing.T) {
	log := learn.NewLog()
	for i := range 30 {
		for _, typ := range []string{"a.start", "b.ready", "a.start", "b.ready"} {
			log.Add(&learn.Record{Type: typ, Key: strconv.Itoa(i)})
		}
	}
	d, err := log.Draft(learn.Answers{})
	require.NoError(t, err)
	require.Equal(t, 60, d.Flows)

	log = learn.NewLog()
	for i := range 30 {
		for _, typ := range []string{"a.start", "b.ready", "a.start", "b.ready"} {
			log.Add(&learn.Record{Type: typ, FlowID: strconv.Itoa(i)})
		}
	}
	d, err = log.Draft(learn.Answers{})
	require.NoError(t, err)
	require.Equal(t, 30, d.Flows)
}

func TestSeveralChoreographiesInOneLog(t *testing.T) {
	log := learn.NewLog()
	for i := range 30 {
		for _, typ := range []string{"a.start", "b.ready", "c.sent"} {
			log.Add(&learn.Record{Type: typ, FlowName: "big", FlowID: strconv.Itoa(i)})
		}
		log.Add(&learn.Record{Type: "x.start", FlowName: "small", FlowID: strconv.Itoa(i)})
		log.Add(&learn.Record{Type: "y.done", FlowName: "small", FlowID: strconv.Itoa(i)})
	}
	require.Equal(t, []string{"big", "small"}, log.Names())
	d, err := log.Draft(learn.Answers{})
	require.NoError(t, err)
	require.Equal(t, "big", d.Choreography)
	require.Equal(t, []string{"small"}, d.Others)
	d, err = log.Draft(learn.Answers{Name: "small"})
	require.NoError(t, err)
	require.Equal(t, []string{"x: → x.start", "y: x.start → y.done"}, rules(d))
	_, err = log.Draft(learn.Answers{Name: "none"})
	require.EqualError(t, err, `no event in the log is of a flow named "none"; there are big, small`)
}

// TestProcessesInOneLogAreLearnedAsOnTheirOwn: nothing tells the processes of a
// foreign system apart, and what is in one says nothing of another.
func TestProcessesInOneLogAreLearnedAsOnTheirOwn(t *testing.T) {
	process := func(n int) []string {
		var entries []string
		for _, entry := range []string{"60× aN.x bN.y<1 cN.z<2 dN.w<3", "20× aN.x bN.no<1", "20× aN.x bN.y<1 cN.off<2 bN.returned<3"} {
			entries = append(entries, strings.ReplaceAll(entry, "N", strconv.Itoa(n)))
		}
		return entries
	}
	var all, alone []string
	for n := range 6 {
		d, err := logOf(t, false, process(n)...).Draft(learn.Answers{})
		require.NoError(t, err)
		require.Len(t, d.Reactions, 5)
		alone = append(alone, rules(d)...)
		all = append(all, process(n)...)
	}
	together, steps := logOf(t, false, all...), 0
	d, err := together.Draft(learn.Answers{Progress: func(done, of int) error {
		require.Less(t, done, of)
		steps++
		return nil
	}})
	require.NoError(t, err)
	require.ElementsMatch(t, alone, rules(d))
	require.GreaterOrEqual(t, steps, 24, "each service")

	enough := errors.New("enough")
	_, err = together.Draft(learn.Answers{Progress: func(int, int) error { return enough }})
	require.ErrorIs(t, err, enough)
}
