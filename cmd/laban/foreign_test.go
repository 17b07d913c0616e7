package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/testenv"
)

// javascript is a shop whose services know nothing of Laban.
const javascript = "../../examples/foreign-javascript"

// node returns how to run a service of the shop, traced by the official
// OpenTelemetry instrumentation of amqplib.
func node(t *testing.T, env ...string) func(args ...string) *child {
	t.Helper()
	program, err := exec.LookPath("node")
	require.NoError(t, err, "this test needs Node.js and what the example needs of npm: run make deps")
	require.FileExists(t, filepath.Join(javascript, "node_modules", ".package-lock.json"), "this test needs what the example needs of npm: run make deps")
	return func(args ...string) *child {
		p := &child{cmd: exec.CommandContext(t.Context(), program, append([]string{"--require", "./tracing.js", "shop.js"}, args...)...)}
		p.cmd.Dir, p.cmd.Env = javascript, append(os.Environ(), env...)
		p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.out
		require.NoError(t, p.cmd.Start())
		return p
	}
}

// end ends a process as a person would.
func (p *child) end(t *testing.T) {
	t.Helper()
	require.NoError(t, p.cmd.Process.Signal(syscall.SIGTERM))
	require.Zero(t, p.wait(t), "%s", &p.out)
}

// TestAForeignSystemIsLearnedAndObserved does what the guide "Observe an existing
// system" says: five lines of configuration, and a contract that is learned,
// tell which orders of a JavaScript system are stuck, and show it in its traces.
func TestAForeignSystemIsLearnedAndObserved(t *testing.T) {
	broker, jaeger := testenv.RabbitMQ(t), testenv.Jaeger(t)
	env := []string{"AMQP_URL=" + broker.URL, "OTEL_EXPORTER_OTLP_ENDPOINT=" + jaeger.OTLPEndpoint}
	shop := node(t, env...)
	billing, shipping := shop("billing"), shop("shipping")
	billing.eventually(t, "billing is ready")
	shipping.eventually(t, "shipping is ready")

	// Five lines, of which the contract's is written when there is one.
	dir := t.TempDir()
	config := filepath.Join(dir, "observer.yaml")
	text, err := os.ReadFile(filepath.Join(javascript, "observer.yaml"))
	require.NoError(t, err)
	lines := strings.SplitAfter(string(text), "\n")
	require.Equal(t, "contracts: [shop.yaml]\n", lines[4])
	require.NoError(t, os.WriteFile(config, []byte(strings.Join(lines[:4], "")), 0o600))
	observe := func() *child {
		p := start(t, env, "observe", "--listen", "127.0.0.1:0", "--ledger", "sqlite:"+filepath.Join(dir, "ledger.db"), "--config", config)
		p.eventually(t, `"observing an exchange" tap=shop bindings="[shop #]"`)
		return p
	}
	observer := observe()
	orders := []string{"web"}
	for n := range 40 {
		orders = append(orders, fmt.Sprint(1001+n))
	}
	web := shop(orders...)
	require.Zero(t, web.wait(t), "%s", &web.out)

	learned := func() string { // what is shipped shows a moment later
		t.Setenv("AMQP_URL", broker.URL)
		status, draft, errs := laban(t, "learn", "--config", config, "--completed", "order.shipped")
		require.Zero(t, status, errs)
		require.Contains(t, errs, "flows\n")
		return draft
	}
	var draft string
	require.Eventually(t, func() bool {
		draft = learned()
		return strings.Contains(draft, "seen 39 of 39 times")
	}, 20*time.Second, 200*time.Millisecond, "%s", later(learned))
	require.Regexp(t, `starts: \[order\.placed\]
outcomes:
  completed: \[order\.shipped\]
reactions:

  # Unprompted, seen 40 times\.
  - \{service: web, emits: \[order\.placed\]\}

  # Likely: seen 39 of 40 times, inferred from order and number\. .*
  - \{service: billing, on: \[order\.placed\], emits: \[order\.paid\], within: \w+\}

  # Likely: seen 39 of 39 times, inferred from order and number\. .*
  - \{service: shipping, on: \[order\.paid\], emits: \[order\.shipped\], within: \w+\}
`, draft)
	contract := filepath.Join(dir, "shop.yaml")
	require.NoError(t, os.WriteFile(contract, []byte(draft), 0o600))
	status, out, errs := laban(t, "check", contract)
	require.Zero(t, status, errs)
	require.Equal(t, "1 file: no problem\n", out)

	// The order that had stopped before there was a contract is found.
	observer.end(t)
	require.NoError(t, os.WriteFile(config, text, 0o600))
	observer = observe()
	address := regexp.MustCompile(`address=(\S+)`).FindStringSubmatch(observer.out.String())[1]
	observer.eventually(t, " key=1013 ")
	require.NotContains(t, observer.out.String(), " key=1012 ")
	status, out, errs = laban(t, "where", "1013", "--observer", address)
	require.Zero(t, status, errs)
	require.Regexp(t, `^Order 1013 waits for billing to emit order\.paid since .* overdue\), perhaps because the queue shop-billing-v2 is empty, so the message was delivered`, out)

	// And so is one that nobody ships, as it stops.
	shipping.end(t)
	web = shop("web", "1042")
	require.Zero(t, web.wait(t), "%s", &web.out)
	observer.eventually(t, " key=1042 ")
	stalled := regexp.MustCompile(`msg=stalled .* key=1042 .* service=shipping .* cause=no-consumer evidence="nobody consumes the queue shop-shipping; 1 message waits" trace_id=(\w{32})`).
		FindStringSubmatch(observer.out.String())
	require.NotNil(t, stalled, "%s", &observer.out)

	// It shows in the trace that amqplib's instrumentation made of it.
	shipping = shop("shipping")
	var found trace
	operations := func() (names []string) {
		found = fetch(jaeger.QueryURL, stalled[1])
		for _, s := range found.Spans {
			names = append(names, found.Processes[s.ProcessID].ServiceName+" "+s.OperationName)
		}
		slices.Sort(names)
		return names
	}
	want := []string{
		"billing publish shop", "billing shop-billing-v2 process",
		"laban-observer completed", "laban-observer recovered", "laban-observer stalled: order.shipped", "laban-observer started",
		"shipping publish shop", "shipping shop-shipping process", "web publish shop",
	}
	require.Eventually(t, func() bool { return slices.Equal(want, operations()) }, 20*time.Second, 100*time.Millisecond,
		"%s", later(func() string { return strings.Join(operations(), "\n") }))
	require.Len(t, found.roots(), 1)

	for _, p := range []*child{observer, billing, shipping} {
		p.end(t)
	}
}

// later is a text that is made when it is needed.
type later func() string

func (l later) String() string { return l() }
