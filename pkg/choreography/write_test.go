package choreography_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/laban-io/laban/pkg/choreography"
)

// meaning compares choreographies without what depends on how they are written.
func meaning() cmp.Option {
	return cmp.Options{
		cmpopts.IgnoreFields(choreography.Choreography{}, "Text", "Hash"),
		cmpopts.IgnoreFields(choreography.Reaction{}, "Pos"),
		cmpopts.IgnoreUnexported(choreography.Choreography{}),
		cmpopts.EquateEmpty(),
	}
}

func TestMarshalReadsLikeAContract(t *testing.T) {
	require.Equal(t, `choreography: shop
starts: [ordered]
outcomes:
  completed: [shipped]
  failed: [rejected]
reactions:
  - {service: web, emits: [ordered]}
  - {service: stock, on: [ordered], emits: [shipped, rejected], within: 1d12h}
`, string(choreography.Marshal(parse(t, small))))
}

func TestMarshalOfTheOrderContract(t *testing.T) {
	c := order(t)
	again := parse(t, string(choreography.Marshal(c)))
	require.Empty(t, cmp.Diff(c, again, meaning()))
	require.Equal(t, choreography.Marshal(c), choreography.Marshal(again))
}

// TestMarshalLosesNothing writes and reads whatever a choreography may contain,
// and holds it to the schema.
func TestMarshalLosesNothing(t *testing.T) {
	valid := bySchema(t)
	rapid.Check(t, func(t *rapid.T) {
		c := anyChoreography(t)
		text := choreography.Marshal(c)
		again, err := choreography.Parse("x", text)
		require.NoError(t, err, "%s", text)
		require.Empty(t, cmp.Diff(c, again, meaning()), "%s", text)
		require.NoError(t, valid(text), "%s", text)
	})
}

// anyChoreography draws a choreography that Parse takes.
func anyChoreography(t *rapid.T) *choreography.Choreography {
	hard := []string{
		"true", "null", "~", "12", "1e3", "0x10", "2020-01-01", "yes", "on", "a: b", "a #b", "- a", "{a}", "[a]", "&a", "*a", "!a", "%a", "@a",
		"`a", "'", `"`, `\`, "a,b", "a'b", "order.placed", "übergröße", "事件", "?", "|", ">", "=", "<<", "a b", "_", "-", ".inf", "a:", ":a",
	}
	name := rapid.OneOf(rapid.SampledFrom(hard), rapid.StringMatching(`[a-zA-Z.:#'"-]{1,12}`).Filter(func(s string) bool { return s != "*" && s != "#" && !slices.Contains(dots(s), "#") }))
	names := func(least int) []string {
		return rapid.SliceOfNDistinct(name, least, 4, rapid.ID[string]).Draw(t, "names")
	}
	duration := rapid.OneOf(
		rapid.Custom(func(t *rapid.T) time.Duration {
			return time.Duration(rapid.Int64Range(1, 1000).Draw(t, "d")) * time.Hour
		}),
		rapid.Custom(func(t *rapid.T) time.Duration { return time.Duration(rapid.Int64Range(1, 3e15).Draw(t, "d")) }),
	)
	text := rapid.OneOf(rapid.SampledFrom(hard), rapid.Just(""), rapid.Just("two\nlines"), rapid.StringMatching(`[a-z: #\n'"]{0,30}`))
	prose := func() string { return trim(text.Draw(t, "text")) }
	c := &choreography.Choreography{
		Name: rapid.SampledFrom([]string{"a", "true", "12", "order", "1.5"}).Draw(t, "name"), Description: prose(),
		Starts: names(1), Idle: duration.Draw(t, "idle"),
		Outcomes: choreography.Outcomes{Completed: names(0)},
	}
	if rapid.Bool().Draw(t, "abandon") {
		c.AbandonAfter = duration.Draw(t, "after")
	}
	for range rapid.IntRange(1, 4).Draw(t, "reactions") {
		r := choreography.Reaction{Services: names(1), Description: prose()}
		switch rapid.IntRange(0, 3).Draw(t, "kind") {
		case 0:
			r.Emits, r.Side = names(1), rapid.Bool().Draw(t, "side")
		case 1:
			r.On.Any = names(1)
		case 2:
			r.On.All, r.Emits, r.Within, r.If = names(1), names(1), duration.Draw(t, "within"), names(0)
			r.Optional = rapid.Bool().Draw(t, "optional")
		case 3:
			r.On.Any, r.Emits, r.Within = names(1), names(1), duration.Draw(t, "within")
			r.Undoes = name.Filter(func(s string) bool { return !slices.Contains(r.On.Any, s) && !slices.Contains(r.Emits, s) }).Draw(t, "undoes")
			r.Side = rapid.Bool().Draw(t, "side")
		}
		c.Reactions = append(c.Reactions, r)
	}
	if rapid.Bool().Draw(t, "events") {
		c.Events = map[string]string{name.Draw(t, "event"): prose()}
	}
	return c
}
