package demo

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/pkg/bus"
	"github.com/laban-io/laban/pkg/event"
)

// busy is a snapshot in the middle of a run.
func busy() snapshot {
	d, _ := rightRun()
	one, two, three := d.begin(21, Approved), d.begin(22, TimesOut), d.begin(23, Undeliverable)
	d.happen(one, stockConfirmed)
	d.happen(two, stockConfirmed)
	d.apply(bus.LogRecord{Kind: bus.RecordRetry, Service: "payment", Attempt: 2,
		Error: "charge for order: the payment provider did not answer in time", Message: bus.Message{Event: event.New("stock.confirmed", nil).WithSubject(two)}})
	d.happen(three, stockConfirmed, paymentConfirmed, deliveryFailed)
	d.placedBy(24, "you@example.com")
	d.expect(25, Approved, func() {})
	d.apply(bus.LogRecord{Kind: bus.RecordDead, Service: "delivery", Error: "a panic",
		Message: bus.Message{Event: event.New("payment.confirmed", nil).WithSubject(three)}})
	e := event.New("order.shiped", nil).WithSubject(one)
	e.Source = "delivery"
	d.write(bus.RecordEvent, e)
	s := d.snapshot(100)
	s.started = s.now.Add(-83 * time.Second)
	s.stuck = 2
	s.pages, s.api, s.broker, s.doing, s.rate, s.target = "http://127.0.0.1:7070", "http://127.0.0.1:40213", "in memory", doingPlace, 4.93, 1000
	return s
}

func TestView(t *testing.T) {
	for name, size := range map[string][2]int{"view-80x24.txt": {80, 24}, "view-120x40.txt": {120, 40}, "view-50x12.txt": {50, 12}} {
		t.Run(name, func(t *testing.T) {
			golden(t, name, textOf(viewOf(busy(), size[0], size[1]), size[0]))
		})
	}
}

// Whatever the size, the view fits: a line too many would scroll it away.
func TestTheViewFits(t *testing.T) {
	s := busy()
	for width := 1; width < 130; width += 3 {
		for height := 1; height < 45; height++ {
			ls := viewOf(s, width, height)
			require.LessOrEqual(t, len(ls), height)
			for _, l := range ls {
				require.LessOrEqual(t, utf8.RuneCountInString(l.render(width, false)), width)
			}
		}
	}
}

func TestTheViewSaysWhatCtrlCDoes(t *testing.T) {
	s := busy()
	for doing, want := range map[string]string{
		doingPlace: "stops placing", doingWait: "a few seconds", doingNothing: "shows the report", doingDrain: "at once", doingCheck: "at once",
	} {
		s.doing = doing
		require.Contains(t, s.footer().render(0, false), want)
	}
}

func TestBar(t *testing.T) {
	require.Empty(t, bar(0, 10, 20))
	require.Empty(t, bar(5, 10, 0))
	require.Empty(t, bar(5, 10, -3))
	require.Equal(t, "█████", bar(10, 10, 5))
	require.Equal(t, "██▌", bar(5, 10, 5))
	require.Equal(t, "▏", bar(1, 1_000_000, 20), "what is there is seen")
}

func TestHearers(t *testing.T) {
	names := []string{"payment", "order", "notification"}
	require.Equal(t, "payment, order, notification", hearers(names, 80))
	require.Equal(t, "payment, order +1", hearers(names, 20))
	require.Equal(t, "payment +2", hearers(names, 5))
	require.Equal(t, "nobody", hearers(nil, 80))
}

func TestLinesAreCutAndCleaned(t *testing.T) {
	l := line{{"abc", bold}, {"def\x1b[2Jghi", red}}
	require.Equal(t, "abcdef [2Jghi", l.render(0, false), "a control character moves no cursor")
	require.Equal(t, "abcd…", l.render(5, false))
	require.Equal(t, "ab…", l.render(3, false), "there is more")
	require.Empty(t, l.render(-1, false)[:0])
	require.Equal(t, "\x1b[1mabc\x1b[0m\x1b[31md…\x1b[0m", l.render(5, true))
	require.Equal(t, "abc", text("abc", plainText).render(3, false), "it just fits")
}

func TestTextsOfDurations(t *testing.T) {
	for d, want := range map[time.Duration]string{
		800 * time.Microsecond: "0.8 ms", 9940 * time.Microsecond: "9.9 ms", 10 * time.Millisecond: "10 ms",
		128 * time.Millisecond: "128 ms", 1234 * time.Millisecond: "1.23 s",
	} {
		require.Equal(t, want, millis(d))
	}
	require.Equal(t, "0:01:23", clock(83*time.Second))
	require.Equal(t, "27:46:40", clock(100000*time.Second))
	require.Equal(t, "1.5 s", seconds(1500*time.Millisecond))
	require.Equal(t, "1m1s", seconds(61*time.Second))
}

func TestScreen(t *testing.T) {
	var out strings.Builder
	width, height := 20, 3
	s := NewScreen(&out, func() (int, int) { return width, height }, false)
	view := func(w, h int) []line {
		require.Equal(t, width, w)
		require.Equal(t, height, h)
		return []line{text(strings.Repeat("x", w), plainText), text("b", bold)}
	}
	frame := func() string {
		out.Reset()
		require.NoError(t, s.draw(view))
		return out.String()
	}
	body := strings.Repeat("x", 20) + "\r\nb" + endLine
	require.Equal(t, enterScreen+beginFrame+body+endFrame, frame(), "a full line is not followed by what erases its end")
	require.Empty(t, frame(), "what is shown is not drawn again")
	width = 10
	require.Equal(t, beginFrame+strings.Repeat("x", 10)+"\r\nb"+endLine+endFrame, frame(), "a new size is a new frame")

	out.Reset()
	s.leave()
	require.Equal(t, leaveScreen, out.String())
	s.leave()
	require.Equal(t, leaveScreen, out.String(), "once")
	require.True(t, strings.HasPrefix(frame(), enterScreen), "it may be entered again")
	s.leave()
}

func TestLiveShow(t *testing.T) {
	var out strings.Builder
	l := liveShow{NewScreen(&out, func() (int, int) { return 80, 24 }, true)}
	require.NoError(t, l.refresh(busy(), nil))
	require.Contains(t, out.String(), "\x1b[1m laban demo\x1b[0m")
	l.close()
	require.True(t, strings.HasSuffix(out.String(), leaveScreen))
}

func TestLineShow(t *testing.T) {
	d, _ := rightRun()
	d.notPlaced(99, nil) // unknown: no news
	bad := d.begin(11, Approved)
	d.happen(bad, stockConfirmed, paymentRejected, stockReturned)
	d.expect(12, Declined, func() {})
	d.notPlaced(12, &problem{Status: 503, Title: "Service Unavailable", Detail: "starting"})
	var out strings.Builder
	p := &lineShow{out: &out}
	s := d.snapshot(0)
	s.started, s.target = s.now.Add(-1900*time.Millisecond), 12
	require.NoError(t, p.refresh(s, d.takeNews()))
	s.now = s.now.Add(100 * time.Millisecond) // 2 s after the start
	s.rate = 5
	require.NoError(t, p.refresh(s, nil))
	require.NoError(t, p.refresh(s, nil))
	s.now, s.stuck = s.now.Add(2*time.Second), 4
	require.NoError(t, p.refresh(s, nil))
	p.close()
	golden(t, "lines.txt", out.String())
}
