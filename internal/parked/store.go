package parked

import (
	"context"

	"github.com/laban-io/laban/internal/observer/record"
)

// Store is a broker at which messages wait. Its methods are safe for concurrent
// use; a [Session] is for one goroutine.
type Store interface {
	// Scan finds what waits, without taking anything. told, which may be nil, is
	// called now and then with how far it is.
	Scan(ctx context.Context, f Filter, told func(Progress)) (*Catch, error)
	// Read returns the message of a kind at a place, whole. The error wraps
	// [ErrGone] where the place has none any more.
	Read(ctx context.Context, kind Kind, at Place) (*Message, error)
	// Open begins to take messages from a box, which one session does at a time.
	// The error wraps [ErrBusy] where another one does.
	Open(ctx context.Context, box Box) (Session, error)
}

// Box is where messages wait: the parked messages of one service, the lost ones
// of all, or those of the stream of unrouted ones that are named.
type Box struct {
	Kind Kind
	// Service is whose box it is, of parked messages.
	Service string
	// Places are the messages to be had, of unrouted ones.
	Places []Place
}

// Session takes messages from a box. What is neither sent nor removed before
// it is closed stays where it was.
type Session interface {
	// Next returns the next message, or io.EOF after the last one.
	Next(ctx context.Context) (*Message, error)
	// Keep tells that the message returned last is to stay: its content need not
	// be held any longer.
	Keep()
	// Send puts a copy of the message returned last where it is to be processed,
	// with a mark, and into the log, and returns when the broker has confirmed it.
	Send(ctx context.Context, mark Mark) error
	// Note writes into the log what became of a message, and returns when the
	// broker has confirmed it.
	Note(ctx context.Context, r record.Redriven) error
	// Remove takes the message returned last out of its box.
	Remove(ctx context.Context) error
	// Waiting is how many messages the box held when it was opened.
	Waiting() int
	// Marks reads from the log what was sent and discarded after a place, up to
	// the moment at which it is called.
	Marks(ctx context.Context, after Place) (map[Ref]int, error)
	// Close returns what was not removed.
	Close() error
}

// Mark is what a redriven message carries beside its own headers.
type Mark struct {
	// Redrive is the traceparent of the redrive, or any text that is no other's.
	Redrive string
	// By and Reason say who redrove it, and why.
	By, Reason string
}

// Progress is how far something is.
type Progress struct {
	// Doing says what is being done, as in "reading the log".
	Doing string
	// Done of Total; Total is 0 where it is not known.
	Done, Total uint64
}

// Catch is what a scan found.
type Catch struct {
	// Messages wait, in the order in which they were set aside. All have their
	// content, but for those beyond a bound in bytes.
	Messages []Message
	// Finished were sent or discarded by a session that was cut off before it had
	// removed them. The next session removes them.
	Finished map[Ref]int
	// Depths are how many messages the queues held.
	Depths []Depth
	// End is the last place of the log that was read.
	End Place
	// Notes say what could not be seen, in whole sentences.
	Notes []string
}

// Depth is how many messages a box held.
type Depth struct {
	Kind    Kind   `json:"kind"`
	Service string `json:"service,omitempty"`
	Queue   string `json:"queue"`
	Count   int    `json:"count"`
}
