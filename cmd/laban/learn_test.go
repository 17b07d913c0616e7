package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/testenv"
	"github.com/laban-io/laban/pkg/choreography"
)

// shopLog is a log of purchases: every fifth is not paid, and its goods are
// released again.
func shopLog(purchases int) string {
	var b strings.Builder
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for i := range purchases {
		say := func(n int, eventType, source, cause string) string {
			at = at.Add(20 * time.Millisecond)
			id := fmt.Sprintf("%d-%d", i, n)
			fmt.Fprintf(&b, `{"type":%q,"source":%q,"subject":"%d","id":%q,"causationid":%q,"time":%q,"data":{"n":%d}}`+"\n",
				eventType, source, i, id, cause, at.Format(time.RFC3339Nano), n)
			return id
		}
		began := say(1, "cart.ordered", "cart", "")
		held := say(2, "goods.held", "store", began)
		if i%5 == 0 {
			say(4, "goods.released", "store", say(3, "money.declined", "bank", held))
			continue
		}
		say(4, "parcel.sent", "post", say(3, "money.taken", "bank", held))
	}
	return b.String()
}

func shopFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "shop.jsonl")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func TestLearnFromAFile(t *testing.T) {
	file := shopFile(t, shopLog(100)+"no event\n")
	status, out, errs := laban(t, "learn", "--from", file)
	require.Zero(t, status, errs)
	require.Equal(t, file+`: 1 of 401 lines left out; line 401: it is no JSON object of an event: invalid character 'o' in literal null (expecting 'u')
learned 5 reactions from 98 flows
4 questions open: look for ASK in the draft, then run laban check on it
`, errs)
	require.Contains(t, out, "# ASK: Does parcel.sent decide how a flow went? The draft says completed; 78 flows have it, 78 of them nothing else that ends them.\n")
	require.Contains(t, out, `
  # Certain: seen 98 of 98 times. 99 % of 98 took at most 20ms.
  - {service: bank, on: [goods.held], emits: [money.declined, money.taken], within: 1s}
`)
	require.Contains(t, out, "{service: store, on: [money.declined], undoes: goods.held, emits: [goods.released], within: 1s}")
	c, err := choreography.Parse("draft", []byte(out))
	require.NoError(t, err)
	require.False(t, choreography.HasErrors(choreography.Check(c)), "%v", choreography.Check(c))
	require.Equal(t, "cart", c.Name)

	status, out, errs = laban(t, "learn", "--from", file, "--as", "shop", "--completed", "parcel.sent", "--failed", "money.declined",
		"--side", "", "--undoes", "goods.released=")
	require.Zero(t, status, errs)
	require.Contains(t, errs, "\n1 question open")
	require.Contains(t, out, "choreography: shop\n")
	require.Contains(t, out, "- {service: store, on: [money.declined], emits: [goods.released], within: 1s}")
}

func TestLearnTellsAllAsJSON(t *testing.T) {
	status, out, errs := laban(t, "learn", "--from", shopFile(t, shopLog(50)), "-o", "json")
	require.Zero(t, status, errs)
	require.Empty(t, errs)
	var found struct {
		Choreography, Contract string
		Flows                  int
		Reactions              []struct {
			Service, Sure, Within string
			Met, Expected         int
		}
		Questions []struct{ About, Text, Guess, Flag string }
	}
	require.NoError(t, json.Unmarshal([]byte(out), &found))
	require.Equal(t, 50, found.Flows)
	require.Equal(t, "outcome", found.Questions[0].About)
	require.Contains(t, found.Contract, "undoes: goods.held")
	require.Len(t, found.Reactions, 5)
	require.Equal(t, "1s", found.Reactions[1].Within)
}

func TestLearnSaysThatItKeptNotAllOfALog(t *testing.T) {
	status, out, errs := laban(t, "learn", "--keep", "10000", "--from", shopFile(t, shopLog(4000)))
	require.Zero(t, status, errs)
	require.Contains(t, errs, "which is one flow in 2, evenly chosen, since there are so many; --keep with more than 10000 takes more of them, and more memory\n")
	require.Contains(t, out, "# Learned from one flow in 2, evenly chosen, since there are so many (laban learn --keep).\n")
	require.Contains(t, out, "{service: store, on: [money.declined], undoes: goods.held, emits: [goods.released], within: 1s}")
}

func TestLearnReadsStandardInput(t *testing.T) {
	learn := func(ctx context.Context, text string) (status int, out, errs string) {
		var o, e bytes.Buffer
		status = run(ctx, []string{"learn", "--from", "-"}, streams{in: strings.NewReader(text), out: &o, err: &e})
		return status, o.String(), e.String()
	}
	status, out, errs := learn(t.Context(), shopLog(50))
	require.Zero(t, status, errs)
	_, fromFile, _ := laban(t, "learn", "--from", shopFile(t, shopLog(50)))
	require.Equal(t, fromFile, out)
	status, out, errs = learn(t.Context(), "")
	require.Equal(t, 1, status)
	require.Empty(t, out)
	require.Equal(t, "laban: standard input is empty: it must have an event in each line; see laban learn --help\n", errs)
	ended, end := context.WithCancel(t.Context())
	end()
	status, out, _ = learn(ended, shopLog(50))
	require.NotZero(t, status)
	require.Empty(t, out)

	p := start(t, nil, "learn", "--from", "/dev/stdin")
	require.Equal(t, 1, p.wait(t), "%s", &p.out)
	require.Contains(t, p.out.String(), "laban: /dev/stdin is empty: it must have an event in each line; see laban learn --help\n")
}

func TestLearnSaysWhatItCanNot(t *testing.T) {
	file := shopFile(t, shopLog(30))
	nonsense := shopFile(t, "what\nis\nthis\n")
	for line, want := range map[string]string{
		"learn":                     "laban: say which log to learn from: --amqp URL, --config FILE or --from FILE\nsee laban learn --help\n",
		"learn --from a --config b": "laban: --from, --amqp and --config each name a log: give one of them\nsee laban learn --help\n",
		"learn --from a --keep 5":   "laban: --keep is 5; it must be at least 10000\nsee laban learn --help\n",
		"learn --from a -o xml":     "laban: --output is \"xml\"; it can be yaml or json\nsee laban learn --help\n",
		"learn --from " + file + " --completed parcel.snt": "laban: there is no event \"parcel.snt\" in the log; did you mean \"parcel.sent\"?\nsee laban learn --help\n",
		"learn --from " + file + " --undoes goods":         "laban: --undoes is \"goods\"; write it like refund.processed=payment.confirmed\nsee laban learn --help\n",
	} {
		status, out, errs := laban(t, strings.Fields(line)...)
		require.Equal(t, 2, status, line)
		require.Empty(t, out)
		require.Equal(t, want, errs)
	}
	for line, want := range map[string]string{
		"learn --from " + nonsense:                   "has no event in any of its 3 lines; line 1: ",
		"learn --from /nowhere/to/be/found":          "no such file",
		"learn --from " + file + " --flow subscribe": `no event in the log is of a flow named "subscribe"`,
	} {
		status, out, errs := laban(t, strings.Fields(line)...)
		require.Equal(t, 1, status, line)
		require.Empty(t, out)
		require.Contains(t, errs, want)
	}
}

// TestLearnFromTheBus has the demo's services leave their log on a RabbitMQ.
func TestLearnFromTheBus(t *testing.T) {
	broker := testenv.RabbitMQ(t)
	status, _, errs := laban(t, "learn", "--amqp", broker.URL)
	require.Equal(t, 1, status)
	require.Contains(t, errs, "there is no log events.log")

	p := start(t, nil, "demo", "--amqp", broker.URL, "--orders", "60", "--exit", "--think", "1ms", "--seed", "1",
		"--fates", "approved=3,declined=1,out-of-stock=1,undeliverable=1")
	require.Zero(t, p.wait(t), "%s", &p.out)
	status, out, errs := laban(t, "learn", "--amqp", broker.URL, "--side", "notification.sent", "--completed", "order.shipped",
		"--failed", "stock.rejected,payment.rejected,delivery.failed")
	require.Zero(t, status, errs)
	c, err := choreography.Parse("draft", []byte(out))
	require.NoError(t, err, out)
	require.False(t, choreography.HasErrors(choreography.Check(c)), "%v\n%s", choreography.Check(c), out)
	require.Contains(t, out, "# A draft by laban learn, from 60 flows in ")
	require.Contains(t, out, "{service: payment, on: [stock.confirmed], emits: [payment.confirmed, payment.rejected], within: ")
	require.NotContains(t, out, "laban.", "what services say of themselves is no event of a flow")
}
