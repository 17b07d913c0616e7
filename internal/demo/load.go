package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/url"
	"sync"
	"time"
)

// LoadConfig says what customers [Load] sends to an order system that runs.
type LoadConfig struct {
	// Orders is the address of the order API, such as http://127.0.0.1:8081.
	Orders string
	// Rate is how many orders are placed in a second.
	Rate float64
	// Count is how many to place; 0 means until it is stopped.
	Count int
	// Mix is the fates in proportion. Default: [DefaultMix].
	Mix Mix
	// Seed makes a run repeatable. Default: another one each time.
	Seed uint64
	// CancelWithin bounds the moment at which a customer who cancels does so.
	// Default: 1 s.
	CancelWithin time.Duration
	// Out is told of what failed, and each minute how many orders were placed.
	Out io.Writer
}

// loadErrands bounds how many customers are at the API at a time; while it does
// not answer, others stay away.
const loadErrands = 64

// Load places orders of all fates until ctx ends or all are placed. Unlike a
// demo it does not follow them. Orders that could not be placed are told and
// counted, and are no error.
func Load(ctx context.Context, c LoadConfig) (placed, failed int, err error) {
	if u, err := url.Parse(c.Orders); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return 0, 0, &UsageError{errors.New("the order API's address is none that begins with http:// or https://")}
	}
	if c.Rate < 0.001 || c.Rate > maxRate {
		return 0, 0, usage("the rate is %v; it must be between 0.001 and %d orders a second", c.Rate, maxRate)
	}
	if c.Count < 0 {
		return 0, 0, usage("the number of orders is %d; it must be 0 (until stopped) or more", c.Count)
	}
	if c.Mix.total() == 0 {
		c.Mix = DefaultMix()
	}
	setDefault(&c.Seed, rand.Uint64()) //nolint:gosec // no secret
	setDefault(&c.CancelWithin, time.Second)
	run := fmt.Sprintf("%06d", c.Seed%1_000_000)
	l := &loader{LoadConfig: c, run: run, client: newClient(c.Orders, loadErrands), shop: newShop(customers{run}, c.Mix, c.Count, c.Seed)}
	defer l.client.close()
	l.place(ctx)
	return l.placed, l.failed, nil
}

type loader struct {
	LoadConfig
	run    string
	client *client
	shop   *shop

	mu             sync.Mutex
	placed, failed int
}

func (l *loader) place(ctx context.Context) {
	var errands sync.WaitGroup
	defer errands.Wait()
	slots := make(chan struct{}, loadErrands)
	tick := time.NewTicker(time.Duration(float64(time.Second) / l.Rate))
	defer tick.Stop()
	minute := time.NewTicker(time.Minute)
	defer minute.Stop()
	for drawn := 0; l.Count == 0 || drawn < l.Count; {
		select {
		case <-ctx.Done():
			return
		case <-minute.C:
			l.tell()
			continue
		case <-tick.C:
		}
		select {
		case slots <- struct{}{}:
		default:
			continue
		}
		drawn++
		e := l.shop.draw()
		errands.Go(func() {
			defer func() { <-slots }()
			l.do(ctx, e)
		})
	}
}

// do places one order, and cancels it if that is its fate.
func (l *loader) do(ctx context.Context, e errand) {
	id, err := l.client.place(ctx, e.request, fmt.Sprintf("%s-%d", l.run, e.seq))
	if ctx.Err() != nil {
		return
	}
	l.count(err)
	if err != nil || e.fate != Canceled {
		return
	}
	timer := time.NewTimer(time.Duration(e.cancelAt / 1.5 * float64(l.CancelWithin)))
	defer timer.Stop()
	select {
	case <-timer.C:
		_, _ = l.client.cancel(ctx, id) // too late is as good
	case <-ctx.Done():
	}
}

func (l *loader) count(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err == nil {
		l.placed++
		return
	}
	l.failed++
	fmt.Fprintf(l.Out, "%s  an order could not be placed: %v\n", time.Now().Format(time.TimeOnly), err)
}

func (l *loader) tell() {
	l.mu.Lock()
	defer l.mu.Unlock()
	fmt.Fprintf(l.Out, "%s  %d orders placed, %d could not be\n", time.Now().Format(time.TimeOnly), l.placed, l.failed)
}
