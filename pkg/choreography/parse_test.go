package choreography_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/pkg/choreography"
)

const small = `choreography: shop
starts: ordered
outcomes: {completed: [shipped], failed: rejected}
reactions:
  - {service: web, emits: [ordered]}
  - {service: stock, on: ordered, emits: [shipped, rejected], within: 1d12h}
`

func parse(t *testing.T, text string) *choreography.Choreography {
	t.Helper()
	c, err := choreography.Parse("shop.yaml", []byte(text))
	require.NoError(t, err)
	return c
}

// problems returns what Parse holds against a text.
func problems(t *testing.T, text string) choreography.Errors {
	t.Helper()
	_, err := choreography.Parse("shop.yaml", []byte(text))
	var errs choreography.Errors
	require.ErrorAs(t, err, &errs)
	return errs
}

func TestOneOrAList(t *testing.T) {
	c := parse(t, small)
	require.Equal(t, "shop", c.Name)
	require.Equal(t, []string{"ordered"}, c.Starts)
	require.Equal(t, choreography.Outcomes{Completed: []string{"shipped"}, Failed: []string{"rejected"}}, c.Outcomes)
	require.Len(t, c.Reactions, 2)
	require.Equal(t, choreography.Reaction{Services: []string{"web"}, Emits: []string{"ordered"}, Pos: choreography.Position{Line: 5, Column: 5}}, c.Reactions[0])
	require.Equal(t, choreography.Reaction{
		Services: []string{"stock"}, On: choreography.Trigger{Any: []string{"ordered"}},
		Emits: []string{"shipped", "rejected"}, Within: 36 * time.Hour, Pos: choreography.Position{Line: 6, Column: 5},
	}, c.Reactions[1])
	require.Equal(t, 36*time.Hour, c.Idle, "the longest within")
	require.Equal(t, small, c.Text)
	sum := sha256.Sum256([]byte(small))
	require.Equal(t, hex.EncodeToString(sum[:]), c.Hash)
}

func TestEveryField(t *testing.T) {
	c := parse(t, `
choreography: shop
description: Sells things.
starts: [ordered, called]
outcomes: {completed: [shipped]}
idle: 2m
abandon_after: 30d
reactions:
  - service: [web, phone]
    emits: [ordered, called, canceled, paid]
  - service: store
    name: ship it
    description: Somebody carries it.
    on: {all: [ordered, paid]}
    if: paid
    unless: [canceled, called]
    emits: shipped
    within: 250ms
    optional: true
  - {service: books, on: [shipped], emits: [booked], undoes: paid, within: 5m, side: true}
events:
  paid: Money came.
`)
	want := &choreography.Choreography{
		Name: "shop", Description: "Sells things.", Starts: []string{"ordered", "called"},
		Outcomes: choreography.Outcomes{Completed: []string{"shipped"}},
		Idle:     2 * time.Minute, AbandonAfter: 30 * 24 * time.Hour,
		Reactions: []choreography.Reaction{
			{Services: []string{"web", "phone"}, Emits: []string{"ordered", "called", "canceled", "paid"}},
			{
				Name: "ship it", Description: "Somebody carries it.", Services: []string{"store"},
				On: choreography.Trigger{All: []string{"ordered", "paid"}}, If: []string{"paid"}, Unless: []string{"canceled", "called"},
				Emits: []string{"shipped"}, Within: 250 * time.Millisecond, Optional: true,
			},
			{
				Services: []string{"books"}, On: choreography.Trigger{Any: []string{"shipped"}}, Undoes: "paid",
				Emits: []string{"booked"}, Within: 5 * time.Minute, Side: true,
			},
		},
		Events: map[string]string{"paid": "Money came."},
	}
	require.Empty(t, cmp.Diff(want, c, meaning()))
}

func TestOrderContract(t *testing.T) {
	c := order(t)
	require.Equal(t, "order", c.Name)
	require.Equal(t, orderText(t), c.Text)
	require.Equal(t, time.Minute, c.Idle)
	require.Len(t, c.Reactions, 10)
	require.Len(t, c.Events, 13)
	undone := map[string]string{}
	for _, r := range c.Reactions {
		if r.Undoes != "" {
			undone[r.Undoes] = r.Step()
		}
	}
	require.Equal(t, map[string]string{"stock.confirmed": "stock.returned", "payment.confirmed": "refund.processed"}, undone)
}

func TestWithoutAnyDeadlineThereIsAnIdleTime(t *testing.T) {
	c := parse(t, "{choreography: a, starts: b, reactions: [{service: c, emits: b}]}")
	require.Equal(t, choreography.DefaultIdle, c.Idle)
}

// TestRefused has one thing wrong in each text, where the text has "§" before
// the place that the error must name.
func TestRefused(t *testing.T) {
	reaction := func(fields string) string {
		return "choreography: a\nstarts: [b]\noutcomes: {completed: [c]}\nreactions:\n  - {service: s, emits: b}\n  - " + fields + "\n"
	}
	for _, c := range []struct {
		name, text, want string
	}{
		{"empty", "§", `empty [syntax]`},
		{"only a comment", "§# nothing", `empty [syntax]`},
		{"not YAML", "choreography: a\n§reactions: [", "this is not YAML"},
		{"a list", "§- a", "the file is a list, not a mapping [bad-value]"},
		{"two documents", small + "§---\nchoreography: b\n", "a second YAML document [syntax]"},
		{"alias", "choreography: §&x a\nstarts: *x\nreactions: []", "anchor, alias or tag [syntax]"},
		{"tag", "choreography: §!!binary aGk=", "anchor, alias or tag [syntax]"},
		{"unknown field", strings.Replace(small, "starts", "§start", 1), `the file has no field "start" [unknown-field]` + "\n    did you mean \"starts\"?"},
		{"unknown field of a reaction", reaction("{service: s, on: b, §emit: c, within: 1s}"), `the reaction has no field "emit"`},
		{"merge key", reaction("{§<<: {service: s}, service: s, on: b}"), `key of the reaction is << with the tag !!merge`},
		{"missing field", "§choreography: a\nreactions: [{service: s, emits: b}]", `the file does not say "starts" [missing-field]`},
		{"no service", reaction("§{on: b}"), `the reaction does not say "service" [missing-field]`},
		{"name with a colon", strings.Replace(small, "shop", "§'a:b'", 1), `choreography is "a:b", which is no name`},
		{"number", strings.Replace(small, "shop", "§12", 1), "choreography is the number 12, not a name"},
		{"nothing", strings.Replace(small, "starts: ordered", "starts:§ ", 1), "starts is empty, not a name"},
		{"empty list", strings.Replace(small, "starts: ordered", "starts: §[]", 1), "starts is an empty list"},
		{"list in a list", strings.Replace(small, "starts: ordered", "starts: [§[a]]", 1), "starts is a list, not a name"},
		{"twice in a list", reaction("{service: s, on: [b, §b], emits: c, within: 1s}"), `on has "b" twice [duplicate]`},
		{"twice in a mapping", strings.Replace(small, "outcomes:", "starts: x\n§outcomes:", 1), ""},
		{"a duplicate key", small + "§starts: [x]\n", `the file has "starts" twice [duplicate]`},
		{"pattern", reaction("{service: s, on: §'order.*', emits: c, within: 1s}"), `which is a pattern`},
		{"invisible", reaction("{service: s, on: §\"a\\u202eb\", emits: c, within: 1s}"), "invisible character U+202E"},
		{"long", reaction("{service: s, on: §" + strings.Repeat("x", 256) + ", emits: c, within: 1s}"), "has 256 bytes, at most 255"},
		{"space", reaction("{service: s, on: §' b', emits: c, within: 1s}"), "begins or ends with a space"},
		{"duration without unit", reaction("{service: s, on: b, emits: c, within: §5}"), `within is "5", which has no unit`},
		{"duration of zero", reaction("{service: s, on: b, emits: c, within: §0s}"), "which is no time at all"},
		{"negative duration", reaction("{service: s, on: b, emits: c, within: §-5s}"), "which has a sign"},
		{"long duration", reaction("{service: s, on: b, emits: c, within: §3651d}"), "longer than ten years"},
		{"no duration", reaction("{service: s, on: b, emits: c, within: §soon}"), "which is no duration"},
		{"flag", reaction("{service: s, on: b, emits: c, within: 1s, side: §yes}"), `side is "yes", not true or false`},
		{"join of nothing", reaction("{service: s, on: §{any: [b]}, emits: c, within: 1s}"), ""},
		{"description", "choreography: a\ndescription: §[x]\n" + strings.TrimPrefix(small, "choreography: shop\n"), "description is a list, not text"},
		{"reactions", "choreography: a\nstarts: b\nreactions: §x", `reactions is "x", not a list`},
		{"no reactions", "choreography: §a\nstarts: b\nreactions: []", "has no reactions"},
		{"no deadline", reaction("§{service: s, on: b, emits: c}"), "has no deadline [no-deadline]"},
		{"neither on nor emits", reaction("§{service: s}"), "neither waits for anything nor emits anything"},
		{"if has no effect", reaction("{service: s, on: b, if: §c}"), `"if" has no effect`},
		{"unless has no effect", reaction("{service: s, on: b, unless: §c}"), `"unless" has no effect`},
		{"undoes has no effect", reaction("{service: s, on: b, undoes: §c}"), `"undoes" has no effect`},
		{"within has no effect", reaction("{service: s, emits: c, within: §1s}"), `"within" has no effect`},
		{"optional has no effect", reaction("§{service: s, on: b, optional: true}"), `"optional" has no effect`},
		{"side has no effect", reaction("§{service: s, on: b, side: true}"), `"side" has no effect`},
		{"if and unless", reaction("{service: s, on: b, if: x, unless: §x, emits: c, within: 1s}"), `"x" is in both if and unless`},
		{"on and unless", reaction("{service: s, on: b, unless: §b, emits: c, within: 1s}"), "never be owed"},
		{"undoes and unless", reaction("{service: s, on: b, undoes: x, unless: §x, emits: c, within: 1s}"), `"x" is both what the reaction undoes and what voids it`},
		{"undoes a join", reaction("{service: s, on: §{all: [b, x]}, undoes: c, emits: d, within: 1s}"), "can't wait for all"},
		{"undoes its trigger", reaction("{service: s, on: b, undoes: §b, emits: d, within: 1s}"), "what it waits for"},
		{"undoes its answer", reaction("{service: s, on: b, undoes: §d, emits: d, within: 1s}"), "what it emits"},
		{"both classes", strings.Replace(small, "failed: rejected", "failed: §shipped", 1), `"shipped" is both a completed and a failed outcome [contradiction]`},
		{"name twice", reaction("{service: s, name: x, on: b}\n  - {service: s, name: §x, on: b}"), `two reactions have the name "x"`},
		{"too large", "§# " + strings.Repeat("x", choreography.MaxSize), "more than 1048576 bytes [limit]"},
		{"too many reactions", "choreography: a\nstarts: b\nreactions: §[" + strings.Repeat("{service: s, emits: b},", 1001) + "]", "1001 reactions, at most 1000"},
	} {
		t.Run(c.name, func(t *testing.T) {
			before, after, marked := strings.Cut(c.text, "§")
			if !marked {
				t.Fatal("the text does not say where the error is")
			}
			line := strings.Count(before, "\n") + 1
			column := len(before) - strings.LastIndex(before, "\n")
			errs := problems(t, before+after)
			if c.want == "" {
				return // more than one thing is wrong: that it is refused will do
			}
			require.Len(t, errs, 1, "%v", errs)
			require.Contains(t, errs[0].String(), c.want)
			require.Equal(t, fmt.Sprintf("shop.yaml:%d:%d", line, column), errs[0].Place())
			require.Equal(t, choreography.SeverityError, errs[0].Severity)
			require.NotEmpty(t, errs[0].Hint)
		})
	}
}

func TestAllErrorsAreFoundTogether(t *testing.T) {
	errs := problems(t, `choreography: a
start: [b]
outcomes: {completed: [c], failed: [c]}
reactions:
  - {service: s, on: [b], emits: [c]}
  - {service: s, on: [b], emits: [c], within: 5 minutes}
  - {service: s, name: x, on: [b]}
  - {service: s, name: x, on: [b]}
`)
	var places []string
	for _, e := range errs {
		places = append(places, fmt.Sprintf("%s %s", e.Place(), e.Code))
	}
	require.Equal(t, []string{
		"shop.yaml:2:1 unknown-field", "shop.yaml:3:37 contradiction",
		"shop.yaml:5:5 no-deadline", "shop.yaml:6:47 bad-value", "shop.yaml:8:24 duplicate",
	}, places)
	require.Len(t, strings.Split(errs.Error(), "\n"), 5*2, "each with its hint:\n%s", errs.Error())
}

func TestErrorsAreBounded(t *testing.T) {
	errs := problems(t, "choreography: a\nstarts: b\nreactions: ["+strings.Repeat("x,", 1000)+"]")
	require.Len(t, errs, 100)
	require.Contains(t, errs[98].Message, "not a mapping")
	require.Equal(t, "901 problems more, from here on", errs[99].Message)
	require.Len(t, problems(t, "choreography: a\nstarts: b\nreactions: ["+strings.Repeat("x,", 99)+"y]"), 100)
}

// TestEveryTriggerVoided: of several triggers some may void the reaction, too.
func TestEveryTriggerVoided(t *testing.T) {
	text := small + "  - {service: books, on: [shipped, rejected], unless: [ordered, %s], emits: booked, within: 1s}\n"
	parse(t, fmt.Sprintf(text, "shipped"))
	errs := problems(t, fmt.Sprintf(text, "shipped, rejected"))
	require.Len(t, errs, 2)
	require.Equal(t, `"rejected" is both what the reaction waits for and what voids it`, errs[1].Message)
}

// TestAliasesCostNothing feeds the billion laughs. They are refused unexpanded.
func TestAliasesCostNothing(t *testing.T) {
	var text strings.Builder
	text.WriteString("a0: &a0 [x,x,x,x,x,x,x,x,x]\n")
	for i := 1; i < 30; i++ {
		fmt.Fprintf(&text, "a%d: &a%d [*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d]\n", i, i, i-1, i-1, i-1, i-1, i-1, i-1, i-1, i-1, i-1)
	}
	errs := problems(t, text.String())
	require.Len(t, errs, 1)
	require.Equal(t, choreography.CodeSyntax, errs[0].Code)
}

func TestParseFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "shop.yaml")
	require.NoError(t, os.WriteFile(path, []byte(small), 0o600))
	c, err := choreography.ParseFile(path)
	require.NoError(t, err)
	require.Equal(t, "shop", c.Name)
	_, err = choreography.ParseFile(path + ".missing")
	require.ErrorIs(t, err, os.ErrNotExist)
	require.NoError(t, os.WriteFile(path, []byte(strings.Repeat("#", choreography.MaxSize+1)), 0o600))
	_, err = choreography.ParseFile(path)
	require.ErrorContains(t, err, path+":1:1: error: the file has more than")
}

func TestATabIsNamed(t *testing.T) {
	for file, hint := range map[string]string{
		"choreography: a\noutcomes:\n\tcompleted: [b]\n":      "indent with spaces: YAML takes no tabs there",
		"choreography: a\noutcomes:\n  \tcompleted: [b]: c\n": "indent with spaces: YAML takes no tabs there",
		"choreography: a\nreactions: [\t":                     "look at indentation, quotes and brackets, here and in the line before",
	} {
		_, err := choreography.Parse("a.yaml", []byte(file))
		require.ErrorContains(t, err, hint, file)
	}
}
