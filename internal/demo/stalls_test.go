package demo

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/pkg/flow"
)

func TestStallsAreShownAsTheyAreFound(t *testing.T) {
	d, _ := rightRun()
	id := d.begin(21, Approved)
	d.happen(id, stockConfirmed)
	d.takeNews()
	due := flow.Due{Service: "payment", On: "stock.confirmed", For: []string{"payment.confirmed", "payment.rejected"}}
	d.stallFound(&flow.Transition{Kind: flow.Overdue, Key: id, Due: due, Finding: flow.Finding{Cause: flow.Parked, Evidence: "payment gave up\x1b[2J"}})
	d.stallFound(&flow.Transition{Kind: flow.Recovered, Key: id, Due: due})
	d.stallFound(&flow.Transition{Kind: flow.Overdue, Key: "another run's", Due: due})
	news := d.takeNews()
	require.Len(t, news, 2)
	started := news[0].at.Add(-time.Second)
	require.Equal(t, "   1.000s  "+shortID(id)+"  stalled                 payment owes payment.confirmed or payment.rejected; parked: payment gave up [2J",
		news[0].line(started).render(0, false))
	require.Regexp(t, `  recovered               goes on: payment has answered stock.confirmed$`, news[1].line(started).render(0, false))
	latest := d.feed.latest(2)
	require.Regexp(t, `stalled: payment owes payment.confirmed or payment.rejected; parked: payment gave up`, latest[0].line(200).render(200, false))
	require.Regexp(t, `recovered: goes on: payment has answered`, latest[1].line(200).render(200, false))
}

func TestAnOrderThatAFaultStoppedIsNotWaitedFor(t *testing.T) {
	d, _ := rightRun()
	waited := d.open()
	id := d.begin(21, Approved)
	require.Equal(t, waited+1, d.open())
	d.stoppedForGood(id)
	require.Equal(t, waited, d.open())
	d.happen(id, stockConfirmed)
	require.Equal(t, waited, d.open(), "whatever comes for it")
	r := d.report(evidence{})
	require.Equal(t, 1, r.Stopped)
}
