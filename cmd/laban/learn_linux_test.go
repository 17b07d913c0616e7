package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLearnAsksInATerminal(t *testing.T) {
	p, terminal := terminalOf(t, 100, 40, nil, "learn", "--from", shopFile(t, shopLog(100)))
	answer := func(question, text string) {
		t.Helper()
		p.eventually(t, question)
		_, err := terminal.WriteString(text + "\n")
		require.NoError(t, err)
	}
	answer("Does money.declined decide how a flow went?\r\n(20 flows have it, 20 of them nothing else that ends them)\r\ncompleted/failed/neither [failed] ", "")
	answer("Does parcel.sent decide how a flow went?", "perhaps")
	answer("completed/failed/neither [completed] perhaps\r\ncompleted/failed/neither [completed] ", "c")
	answer("Does goods.released undo goods.held?\r\n(its name says so; the log fits either way)\r\nyes/no [yes] ", "no")
	answer("Is goods.released a side effect, which no flow waits for?\r\nyes/no [no] ", "y")
	require.Zero(t, p.wait(t), "%s", &p.out)
	out := strings.ReplaceAll(p.out.String(), "\r\n", "\n")
	require.Contains(t, out, "outcomes:\n  completed: [parcel.sent]\n  failed: [money.declined]\n")
	require.Contains(t, out, "{service: store, on: [money.declined], emits: [goods.released], within: 1s, side: true}")
	require.Equal(t, 1, strings.Count(out, "ASK: "), "the others were answered: %s", out)
}

func TestLearnIsNotHeldUpByAnEmptyTerminal(t *testing.T) {
	p, terminal := terminalOf(t, 100, 40, nil, "learn", "--from", shopFile(t, shopLog(100)))
	p.eventually(t, "[failed] ")
	_, err := terminal.WriteString("\x04") // ctrl-D
	require.NoError(t, err)
	require.Zero(t, p.wait(t), "%s", &p.out)
	require.Contains(t, p.out.String(), "what was not answered is as guessed")
	require.Contains(t, p.out.String(), "failed: [money.declined]")
}
