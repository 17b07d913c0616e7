package demo

import (
	"io"
	"strings"
	"sync"
)

// Screen is a terminal that a view is drawn on: on the alternate screen, so
// that what was there before comes back, and each frame in one write over the
// last one, so that nothing flickers. Its size is asked for each frame, so
// that it may change.
type Screen struct {
	out     io.Writer
	size    func() (width, height int)
	colours bool

	mu        sync.Mutex
	on        bool
	suspended bool
	last      string // the frame that is shown
}

// NewScreen returns a screen on out, whose size is told by size.
func NewScreen(out io.Writer, size func() (width, height int), colours bool) *Screen {
	return &Screen{out: out, size: size, colours: colours}
}

// Control sequences, of xterm and everything like it. The synchronized update
// (mode 2026) is ignored where it is not known.
const (
	enterScreen = "\x1b[?1049h\x1b[?25l\x1b[?7l" // alternate screen, no cursor, no wrapping
	leaveScreen = "\x1b[?7h\x1b[?25h\x1b[?1049l"
	beginFrame  = "\x1b[?2026h\x1b[H"
	endFrame    = "\x1b[J\x1b[?2026l" // clears what is below
	endLine     = "\x1b[K"
)

// draw shows what view returns for the size that the terminal has now.
func (s *Screen) draw(view func(width, height int) []line) error {
	width, height := s.size()
	var b strings.Builder
	for i, l := range view(width, height) {
		if i > 0 {
			b.WriteString("\r\n")
		}
		b.WriteString(l.render(width, s.colours))
		if l.width() < width { // in the last column it would erase what is there
			b.WriteString(endLine)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	frame := b.String()
	if s.suspended || s.on && frame == s.last {
		return nil
	}
	start := beginFrame
	if !s.on {
		start = enterScreen + beginFrame
	}
	s.on, s.last = true, frame
	_, err := io.WriteString(s.out, start+frame+endFrame)
	return err
}

// leave brings back what the screen was drawn over. It may be called at any
// time, also twice.
func (s *Screen) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.off()
}

// off is leave with the lock held.
func (s *Screen) off() {
	if !s.on {
		return
	}
	s.on = false
	_, _ = io.WriteString(s.out, leaveScreen) // there is nobody to tell
}

// Suspend brings back what the screen was drawn over, and draws nothing until
// [Screen.Resume]: for when the process is about to be stopped.
func (s *Screen) Suspend() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.suspended = true
	s.off()
}

// Resume draws the whole screen with the next frame, whoever has written to the
// terminal meanwhile.
func (s *Screen) Resume() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.suspended, s.last = false, ""
}
