package main

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// asLaban makes the test binary be laban, so that tests can send it signals and
// see how it exits.
const asLaban = "LABAN_TEST_AS_LABAN"

func TestMain(m *testing.M) {
	if os.Getenv(asLaban) != "" {
		main()
	}
	os.Exit(m.Run())
}

// laban runs a command line in this process.
func laban(t *testing.T, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	status = run(t.Context(), args, streams{in: strings.NewReader(""), out: &out, err: &errs})
	return status, out.String(), errs.String()
}

func TestHelpTeaches(t *testing.T) {
	for _, args := range [][]string{{}, {"help"}, {"--help"}, {"-h"}} {
		status, out, errs := laban(t, args...)
		require.Zero(t, status)
		require.Empty(t, errs)
		require.Contains(t, out, "Laban is for services that react to each other's events")
		require.Contains(t, out, "\n  laban demo\n")
	}
	_, out, _ := laban(t)
	require.Equal(t, []string{"check", "completion", "demo", "flows", "health", "help", "learn", "load", "observe", "parked", "render", "replay", "version", "where"}, commandsIn(out), "only what there is")
}

// commandsIn returns the commands that a help text lists.
func commandsIn(help string) (names []string) {
	_, list, _ := strings.Cut(help, "Available Commands:\n")
	list, _, _ = strings.Cut(list, "\n\n")
	for line := range strings.Lines(list) {
		names = append(names, strings.Fields(line)[0])
	}
	return names
}

func TestHelpOfTheDemo(t *testing.T) {
	status, out, _ := laban(t, "demo", "--help")
	require.Zero(t, status)
	for _, want := range []string{"--orders", "--amqp URL", "--keep directory", "OTEL_EXPORTER_OTLP_ENDPOINT", "undeliverable", "exit status is 1"} {
		require.Contains(t, out, want)
	}
}

func TestWhatIsNotUnderstoodIsHelpedWith(t *testing.T) {
	for line, want := range map[string]string{
		"dmeo":                   "laban: there is no command \"dmeo\"; did you mean \"demo\"?\nsee laban --help\n",
		"frobnicate":             "laban: there is no command \"frobnicate\"; there are check, completion, demo, flows, health, help, learn, load, observe, parked, render, replay, version, where\nsee laban --help\n",
		"--colour":               "laban: there is no flag --colour\nsee laban --help\n",
		"demo --order 5":         "laban: there is no flag --order; did you mean --orders?\nsee laban demo --help\n",
		"demo -x":                "laban: there is no flag -x\nsee laban demo --help\n",
		"demo 50":                "laban: \"50\" is not expected: laban demo takes flags only\nsee laban demo --help\n",
		"demo --faults park=1%":  "laban: \"park=1%\" is not expected: the value of --faults follows an equals sign, --faults=park=1%\nsee laban demo --help\n",
		"demo --fates aproved=1": "laban: --fates: there is no fate \"aproved\"; did you mean \"approved\"?\nsee laban demo --help\n",
		"demo --exit":            "laban: --exit ends the demo when all orders have ended: say how many with --orders\nsee laban demo --help\n",
		"check":                  "laban: name the files to check, or --live and a broker\nsee laban check --help\n",
		"check --live":           "laban: --live reads the log of a broker: say which with --amqp URL or AMQP_URL\nsee laban check --help\n",
		"check -o xml a.yaml":    "laban: --output is \"xml\"; it can be text or json\nsee laban check --help\n",
		"check --schema a.yaml":  "laban: --schema prints the schema and checks nothing: give it alone\nsee laban check --help\n",
		"render":                 "laban: name one file to draw\nsee laban render --help\n",
		"render --as svgg a":     "laban: --as: there is no format \"svgg\"; did you mean \"svg\"?\nsee laban render --help\n",
		"render --as png a":      "laban: --as: there is no format \"png\"; there are mermaid, dot, svg\nsee laban render --help\n",
		"version --orders 5":     "laban: there is no flag --orders\nsee laban version --help\n",
	} {
		t.Run(line, func(t *testing.T) {
			status, out, errs := laban(t, strings.Fields(line)...)
			require.Equal(t, 2, status)
			require.Empty(t, out)
			require.Equal(t, want, errs)
		})
	}
	status, _, errs := laban(t, "demo", "--orders", "many")
	require.Equal(t, 2, status)
	require.Contains(t, errs, `invalid argument "many"`)
}

func TestVersion(t *testing.T) {
	status, out, _ := laban(t, "version")
	require.Zero(t, status)
	require.Regexp(t, `^laban \S+, go\S+, \w+/\w+\n$`, out)
}

func TestCompletion(t *testing.T) {
	status, out, _ := laban(t, "completion", "bash")
	require.Zero(t, status)
	require.Contains(t, out, "laban")
}

// child is laban in a process of its own.
type child struct {
	cmd  *exec.Cmd
	out  lockedBuffer
	read <-chan struct{} // closed when all output is in out; nil if cmd sees to that
}

func start(t *testing.T, env []string, args ...string) *child {
	t.Helper()
	p := &child{cmd: exec.CommandContext(t.Context(), os.Args[0], args...)}
	p.cmd.Env = append(append(os.Environ(), asLaban+"=1", "TMPDIR="+t.TempDir()), env...)
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.out
	require.NoError(t, p.cmd.Start())
	return p
}

// wait returns the exit status.
func (p *child) wait(t *testing.T) int {
	t.Helper()
	timer := time.AfterFunc(60*time.Second, func() { _ = p.cmd.Process.Kill() })
	defer timer.Stop()
	_ = p.cmd.Wait() // the status says it
	if p.read != nil {
		<-p.read
	}
	return p.cmd.ProcessState.ExitCode()
}

func (p *child) eventually(t *testing.T, text string) {
	t.Helper()
	require.Eventually(t, func() bool { return strings.Contains(p.out.String(), text) }, 30*time.Second, 10*time.Millisecond, "%s\n%s", text, &p.out)
}

func TestTheDemoExits(t *testing.T) {
	t.Parallel()
	p := start(t, nil, "demo", "--orders", "12", "--exit", "--think", "1ms", "--seed", "1", "--fates", "approved=1,declined=1,undeliverable=1")
	require.Zero(t, p.wait(t), "%s", &p.out)
	require.Contains(t, p.out.String(), "ended as it should, and every invariant holds")
	require.NotContains(t, p.out.String(), "\x1b", "it is no terminal")
}

func TestAFailedDemoExitsWithOne(t *testing.T) {
	if testing.Short() {
		t.Skip("it waits for an order that does not end")
	}
	// The provider takes longer to answer than the order may be open.
	p := start(t, nil, "demo", "--orders", "1", "--exit", "--think", "20s", "--timeout", "1s", "--fates", "approved=1")
	require.Equal(t, 1, p.wait(t), "%s", &p.out)
	require.Contains(t, p.out.String(), "✗ 1 of 1 order did not end right")
	require.Regexp(t, `still open; stock.confirmed came .*; payment owes`, p.out.String())
}

func TestCtrlCDrains(t *testing.T) {
	t.Parallel()
	p := start(t, nil, "demo", "--rate", "2", "--think", "1ms", "--fates", "approved=1")
	p.eventually(t, "shipped\n")
	require.NoError(t, p.cmd.Process.Signal(os.Interrupt))
	require.Zero(t, p.wait(t), "%s", &p.out)
	require.Contains(t, p.out.String(), "ended as it should, and every invariant holds")
}

func TestASecondCtrlCEndsAtOnce(t *testing.T) {
	t.Parallel()
	p := start(t, nil, "demo", "--rate", "20", "--think", "20s", "--fates", "approved=1")
	p.eventually(t, "placed, 0 ended")
	require.NoError(t, p.cmd.Process.Signal(syscall.SIGTERM))
	require.NoError(t, p.cmd.Process.Signal(os.Interrupt))
	begin := time.Now()
	require.Equal(t, 130, p.wait(t), "%s", &p.out)
	require.Less(t, time.Since(begin), 8*time.Second)
	require.Contains(t, p.out.String(), "laban: the demo was cut off")
	require.NotContains(t, p.out.String(), "invariant")
}
