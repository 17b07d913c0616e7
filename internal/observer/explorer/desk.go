package explorer

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/laban-io/laban/internal/parked"
)

// Desk is where messages are dealt with that no service will process any more. A
// [parked.Desk] is one. Nothing of it that changes anything is called unless a
// person has seen a preview and pressed a button.
type Desk interface {
	List(ctx context.Context, f parked.Filter, told func(parked.Progress)) (*parked.Listing, error)
	Read(ctx context.Context, kind parked.Kind, at parked.Place) (*parked.Message, error)
	Preview(ctx context.Context, messages []parked.Message) ([]parked.Preview, error)
	Redrive(ctx context.Context, o parked.Order) (parked.Report, error)
	Discard(ctx context.Context, o parked.Order) (parked.Report, error)
}

var _ Desk = (*parked.Desk)(nil)

// Bounds of work at the desk.
const (
	// lookLimit is how long looking may take, and lookPatience how long a page
	// waits for that.
	lookLimit    = 2 * time.Minute
	lookPatience = 6 * time.Second
	// workLimit is how long one order may take.
	workLimit = 10 * time.Minute
	// maxJobs is how many jobs are remembered.
	maxJobs = 32
)

// counter is a desk as the pages use it: what waits is looked up at most for a
// twentieth of the time, and orders are carried out beside the pages. It is safe
// for concurrent use.
type counter struct {
	desk Desk
	// missed returns the ids of events that no queue took and somebody waits for.
	missed func(context.Context) (map[string]bool, error)
	// queues returns the queues of the services that the observer knows.
	queues func() []string
	// secret is in the forms of this process only: a page of another site can't
	// know it.
	secret string

	ctx    context.Context //nolint:containedctx // it ends the work that outlives a request
	cancel context.CancelFunc
	works  sync.WaitGroup

	mu      sync.Mutex
	listing *parked.Listing // the last one; nil before the first
	failed  error           // why the last look failed
	until   time.Time       // until when it is new enough
	looking chan struct{}   // closed when the look ends; nil where nobody looks
	jobs    map[string]*job
	order   []string // of the jobs, the oldest first
	closed  bool
}

func newCounter(d Desk, missed func(context.Context) (map[string]bool, error), queues func() []string) *counter {
	c := &counter{desk: d, missed: missed, queues: queues, secret: rand.Text(), jobs: map[string]*job{}}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	return c
}

// close ends all work and waits for it.
func (c *counter) close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.cancel()
	c.works.Wait()
}

// waiting returns what waits, as of a moment ago. Where that takes long it is
// what was found last, or nil, and goes on being looked up; late tells that.
func (c *counter) waiting(ctx context.Context) (l *parked.Listing, late bool, err error) {
	c.mu.Lock()
	if c.looking == nil && !time.Now().Before(c.until) && !c.closed {
		c.looking = make(chan struct{})
		done := c.looking
		c.works.Go(func() { c.look(done) })
	}
	done := c.looking
	c.mu.Unlock()
	if done != nil {
		patience := time.NewTimer(lookPatience)
		defer patience.Stop()
		select {
		case <-done:
		case <-patience.C:
			late = true
		case <-ctx.Done():
			return nil, true, context.Cause(ctx)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.listing, late, c.failed
}

func (c *counter) look(done chan struct{}) {
	ctx, cancel := context.WithTimeout(c.ctx, lookLimit)
	defer cancel()
	begin := time.Now()
	l, err := c.list(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failed = err; err == nil {
		c.listing = l
	}
	c.until = time.Now().Add(max(time.Second, 20*time.Since(begin)))
	c.looking = nil
	close(done)
}

// list asks the desk. Events that nobody waits for have no queue either, and are
// nothing to deal with.
func (c *counter) list(ctx context.Context) (*parked.Listing, error) {
	l, err := c.desk.List(ctx, parked.Filter{Kinds: parked.Kinds(), Known: c.queues()}, nil)
	if err != nil {
		return nil, err
	}
	missed, err := c.missed(ctx)
	if err != nil {
		return nil, err
	}
	l.Messages = slices.DeleteFunc(l.Messages, func(m parked.Message) bool { return m.Kind == parked.Unrouted && !missed[m.ID] })
	return l, nil
}

// stale has the next page look anew.
func (c *counter) stale() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.until = time.Time{}
}

// job is an order that is carried out.
type job struct {
	What       string // "redrive" or "discard"
	By, Reason string
	Total      int
	Left       []parked.Preview // refused, and not forced
	Missing    int              // chosen, and not there any more when it began

	done chan struct{} // closed at its end

	mu      sync.Mutex
	at      int
	report  parked.Report
	err     error
	started time.Time
	took    time.Duration
}

// begin carries out an order and returns the id of its job.
func (c *counter) begin(j *job, o *parked.Order) string {
	id := rand.Text()
	j.done, j.started, j.Total = make(chan struct{}), time.Now(), len(o.Messages)
	o.Told = func(p parked.Progress) {
		j.mu.Lock()
		defer j.mu.Unlock()
		j.at = int(p.Done) //nolint:gosec // it is at most Total
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.jobs[id], c.order = j, append(c.order, id)
	if len(c.order) > maxJobs {
		delete(c.jobs, c.order[0])
		c.order = c.order[1:]
	}
	if c.closed {
		j.err = context.Canceled
		close(j.done)
		return id
	}
	c.works.Go(func() {
		ctx, cancel := context.WithTimeout(c.ctx, workLimit)
		defer cancel()
		work := c.desk.Redrive
		if j.What == discard {
			work = c.desk.Discard
		}
		report, err := work(ctx, *o)
		c.stale()
		j.mu.Lock()
		defer j.mu.Unlock()
		j.report, j.err, j.took = report, err, time.Since(j.started)
		close(j.done)
	})
	return id
}

func (c *counter) job(id string) *job {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.jobs[id]
}

// handle names a copy of a message in an address.
func handle(m *parked.Message) string {
	r := m.Ref()
	return digest(string(r.Kind), r.Service, r.Source, r.ID, r.Before, m.Place.Stream, strconv.FormatUint(m.Place.Offset, 10))
}

// handleOf names a group in an address.
func handleOf(f parked.Fingerprint) string {
	return digest(string(f.Kind), f.Service, f.Type, f.Error)
}

func digest(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		_, _ = fmt.Fprintf(h, "%d:%s", len(p), p) // can't fail
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}
