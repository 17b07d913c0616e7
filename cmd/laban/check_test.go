package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/pkg/choreography"
)

const orderContract = "../../services/order.choreography.yaml"

// file writes a file for a test and returns its name.
func file(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "shop.yaml")
	require.NoError(t, os.WriteFile(name, []byte(text), 0o600))
	return name
}

const misspelt = `choreography: shop
starts: [orderPlaced]
outcomes: {completed: [paymentConfirmed], failed: [PaymentRejected]}
reactions:
  - {service: order, emits: [orderPlaced]}
  - {service: payment, on: [orderPlaced], emits: [paymentConfirmed, paymentRejected], within: 5s}
`

const unheard = `choreography: shop
starts: [placed]
outcomes: {completed: [done]}
reactions:
  - {service: order, emits: [placed, hello]}
  - {service: payment, on: [placed], emits: [done], within: 5s}
`

func TestCheckOfWhatIsRight(t *testing.T) {
	status, out, errs := laban(t, "check", "--strict", orderContract)
	require.Zero(t, status)
	require.Equal(t, "1 file: no problem\n", out)
	require.Empty(t, errs)
	status, out, _ = laban(t, "check", "-o", "json", orderContract)
	require.Zero(t, status)
	require.Equal(t, "[]\n", out)
}

func TestCheckNamesTheNearMiss(t *testing.T) {
	name := file(t, misspelt)
	status, out, errs := laban(t, "check", name)
	require.Equal(t, 1, status)
	require.Equal(t, name+`:3:52: error: nobody emits "PaymentRejected" — did you mean "paymentRejected"? [not-emitted]
    names of events must be the same to the letter: what is emitted as paymentRejected reaches nobody who waits for PaymentRejected
1 file: 1 error and 0 warnings
`, out)
	require.Empty(t, errs)

	status, out, _ = laban(t, "check", "-o", "json", name)
	require.Equal(t, 1, status)
	var problems []map[string]any
	require.NoError(t, json.Unmarshal([]byte(out), &problems))
	require.Len(t, problems, 1)
	require.Equal(t, "not-emitted", problems[0]["code"])
	require.Equal(t, name, problems[0]["file"])
	require.Equal(t, map[string]any{"line": 3.0, "column": 52.0}, problems[0]["position"])
}

func TestWarningsFailOnlyWhenStrict(t *testing.T) {
	name := file(t, unheard)
	status, out, _ := laban(t, "check", name)
	require.Zero(t, status)
	require.Contains(t, out, `warning: nobody reacts to "hello" [nobody-reacts]`)
	require.Contains(t, out, "1 file: 0 errors and 1 warning\n")
	status, _, _ = laban(t, "check", "--strict", name)
	require.Equal(t, 1, status)
}

func TestCheckOfSeveralFiles(t *testing.T) {
	broken := file(t, "choreography: a\nreactions: []\n")
	status, out, _ := laban(t, "check", broken, orderContract, file(t, misspelt))
	require.Equal(t, 1, status)
	require.Contains(t, out, broken+":1:1: error: the file does not say \"starts\" [missing-field]")
	require.Contains(t, out, "[not-emitted]", "one that can't be read does not keep the others from being checked")
	require.Contains(t, out, "3 files: 2 errors and 0 warnings\n")
	status, _, errs := laban(t, "check", "no such file")
	require.Equal(t, 1, status)
	require.Equal(t, "laban: there is no file \"no such file\"\n", errs)
}

func TestStandardInputIsAContractToo(t *testing.T) {
	with := func(text string, args ...string) (status int, out string) {
		var o, e bytes.Buffer
		status = run(t.Context(), args, streams{in: strings.NewReader(text), out: &o, err: &e})
		return status, o.String() + e.String()
	}
	status, out := with(unheard, "check", "-", orderContract)
	require.Zero(t, status)
	require.Contains(t, out, `standard input:5:38: warning: nobody reacts to "hello" [nobody-reacts]`)
	status, out = with(unheard, "render", "-")
	require.Zero(t, status)
	require.True(t, strings.HasPrefix(out, "flowchart TD\n"))
	status, out = with("", "check", "-")
	require.Equal(t, 1, status)
	require.Contains(t, out, "standard input:1:1: error: the file is empty [syntax]")
	_, out = with(strings.Repeat("#", choreography.MaxSize+1), "check", "-")
	require.Contains(t, out, "[limit]")
}

func TestCheckPrintsTheSchema(t *testing.T) {
	status, out, _ := laban(t, "check", "--schema")
	require.Zero(t, status)
	require.Equal(t, string(choreography.Schema()), out)
}

func TestRender(t *testing.T) {
	for format, begin := range map[string]string{"mermaid": "flowchart TD\n", "dot": "digraph ", "svg": "<svg "} {
		status, out, errs := laban(t, "render", "--as", format, orderContract)
		require.Zero(t, status)
		require.True(t, strings.HasPrefix(out, begin), "%.60s", out)
		require.Empty(t, errs)
	}
	large := "choreography: a\nstarts: x0\nreactions:\n"
	for i := range 260 {
		large += fmt.Sprintf("  - {service: a, on: x%d, emits: x%d, within: 1s}\n", i, i+1)
	}
	status, out, errs := laban(t, "render", file(t, large))
	require.Zero(t, status)
	require.Contains(t, out, "\n  n520 --> n260\n")
	require.Contains(t, errs, "larger than what Mermaid shows")
	status, out, errs = laban(t, "render", file(t, "choreography: a"))
	require.Equal(t, 1, status)
	require.Empty(t, out)
	require.Contains(t, errs, `does not say "starts"`)
}
