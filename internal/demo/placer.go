package demo

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// placer places orders, and cancels those whose fate it is.
type placer struct {
	book   *book
	client *client
	shop   *shop
	orders int // 0: until it is stopped
	rate   float64
	slots  chan struct{} // one for each order that may be open
	run    string
}

// place places orders until all are placed, stop is closed, or ctx ends, and
// returns when nothing that it started is left: orders may then still be open.
func (p *placer) place(ctx context.Context, stop <-chan struct{}) {
	var errands sync.WaitGroup
	defer errands.Wait()
	next := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	limit := p.orders
	if limit == 0 {
		limit = maxOrders
	}
	for range limit {
		if p.rate > 0 {
			timer.Reset(time.Until(next))
			select {
			case <-timer.C:
			case <-stop:
				return
			case <-ctx.Done():
				return
			}
		}
		select {
		case <-stop: // also where there are slots
			return
		case <-ctx.Done():
			return
		default:
		}
		select {
		case p.slots <- struct{}{}:
		case <-stop:
			return
		case <-ctx.Done():
			return
		}
		next = p.following(next)
		e := p.shop.draw()
		p.book.expect(e.seq, e.fate, func() { <-p.slots })
		errands.Go(func() { p.do(ctx, e) })
	}
}

// following returns when to place the order after the one that was due at
// last. Small delays are made up for; after a long one, such as a wait for a
// slot, the rate begins anew instead of coming in a burst.
func (p *placer) following(last time.Time) time.Time {
	if p.rate <= 0 {
		return last
	}
	next := last.Add(time.Duration(float64(time.Second) / p.rate))
	if now := time.Now(); now.Sub(next) > time.Second {
		return now
	}
	return next
}

// do places one order, and cancels it if that is its fate.
func (p *placer) do(ctx context.Context, e errand) {
	id, err := p.client.place(ctx, e.request, fmt.Sprintf("%s-%d", p.run, e.seq))
	if err != nil {
		p.book.notPlaced(e.seq, err)
		return
	}
	if e.fate != Canceled {
		return
	}
	timer := time.NewTimer(time.Duration(e.cancelAt * float64(p.book.usually())))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		return
	}
	answer, err := p.client.cancel(ctx, id)
	p.book.cancelAnswered(e.seq, id, answer, err)
}
