package config_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/observer/config"
)

func env(pairs map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) { v, ok := pairs[name]; return v, ok }
}

func TestTheExampleOfTheDesign(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "shop.yaml"), nil, 0o600))
	c, err := config.Parse(filepath.Join(dir, "observer.yaml"), []byte(`
amqp: ${AMQP_URL}
management: http://localhost:15672            # optional: better causes
ledger: ${LEDGER:-sqlite:ledger.db}
listen: 127.0.0.1:7070
contracts: [shop.yaml, "s*.yaml"]
taps:
  - exchange: shop
    type: routing-key
    key:  body:/order/id
    id:   property:message-id
    causation: header:x-causation-id
    keys: [a, b]
queues: {payment: pay-queue}
retention: {finished: 7d}
payloads: {keep: true, redact: [/card]}
`), env(map[string]string{"AMQP_URL": "amqp://u:p: {w@h/"}))
	require.NoError(t, err)
	require.Equal(t, []string{"amqp://u:p: {w@h/"}, c.AMQP, "what a variable holds is no YAML")
	require.Equal(t, "sqlite:ledger.db", c.Ledger)
	require.Equal(t, []string{filepath.Join(dir, "shop.yaml")}, c.Contracts)
	require.Equal(t, "body:/order/id", c.Taps[0].Key)
	require.Equal(t, []string{"a", "b"}, c.Taps[0].Keys)
	require.Equal(t, "pay-queue", c.Queues["payment"])
	require.Equal(t, 7*24*time.Hour, c.Retention.Finished)
	require.Equal(t, []string{"/card"}, c.Payloads.Redact)
	require.Equal(t, "events.log", c.Log)
}

func TestMistakesAreToldWithTheirPlace(t *testing.T) {
	for text, says := range map[string]string{
		"amqp: x\nledgr: y":            `observer.yaml:2:1: the configuration has no field "ledgr"; did you mean "ledger"?`,
		"amqp: ${NOPE}":                "observer.yaml:1:7: the environment has no NOPE",
		"taps: [{exchnge: a, key: b}]": `observer.yaml:1:9: a tap has no field "exchnge"; did you mean "exchange"?`,
		"taps: [{exchange: a}]":        "where the flow's key is",
		"taps: [{key: body:/a}]":       "the default exchange",
		"retention: {finished: never}": "observer.yaml:1:23: a duration is expected",
		"contracts: [missing-*.yaml]":  "there is no file missing-*.yaml",
		"amqp: x\namqp: y":             "twice",
		"payloads: {keep: perhaps}":    "true or false",
		"ledger: [a]":                  "one text is expected",
	} {
		_, err := config.Parse("observer.yaml", []byte(text), env(nil))
		require.ErrorContains(t, err, says, text)
	}
}

func TestNoErrorShowsASecret(t *testing.T) {
	c := config.Default()
	c.AMQP, c.Management = []string{"ampq://user:secret@host", "amqp://user:secret@ho st%zz/"}, "htp://user:secret@host"
	err := c.Validate()
	require.ErrorContains(t, err, "amqp")
	require.ErrorContains(t, err, "management")
	require.NotContains(t, err.Error(), "secret")
}

func TestPatterns(t *testing.T) {
	for _, c := range []struct {
		pattern, exchange string
		want              bool
	}{
		{"shop", "shop", true}, {"shop", "shops", false}, {"shop.*", "shop.orders", true}, {"*", "x", true},
		{"a*b*c", "aXbYc", true}, {"a*b*c", "acb", false}, {"*.events", "shop.events", true}, {"aa*aa", "aaa", false},
	} {
		require.Equal(t, c.want, config.Matches(c.pattern, c.exchange), "%s %s", c.pattern, c.exchange)
	}
	c := config.Default()
	c.AMQP = []string{"amqp://h/"}
	c.Taps = []config.Tap{{}}
	c.Taps[0].Exchange = "shop.*"
	require.ErrorContains(t, c.Validate(), "management")
}

func FuzzParse(f *testing.F) {
	f.Add("amqp: ${A:-x}\ntaps: [{exchange: a, key: body:/x}]\nretention: {finished: 3d}")
	f.Add("&a [*a]")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := config.Parse("observer.yaml", []byte(text), env(nil))
		if err == nil {
			_ = c.Validate()
		}
	})
}
