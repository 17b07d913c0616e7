package outbox

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// transaction is what a context carries inside [Outbox.Transact].
type transaction struct {
	outbox *Outbox
	tx     *sql.Tx
	outer  *transaction // of another outbox, or nil

	mu     sync.Mutex
	stored bool  // there are events to publish after the commit
	doomed error // a nested call failed: this must not be committed
	ended  bool
	after  []func()
}

type transactionKey struct{}

// transactionOf returns the running transaction of o that ctx is in, or nil.
func (o *Outbox) transactionOf(ctx context.Context) *transaction {
	t, _ := ctx.Value(transactionKey{}).(*transaction)
	for t != nil && t.outbox != o {
		t = t.outer
	}
	if t == nil || t.over() {
		return nil
	}
	return t
}

// TxFrom returns the innermost transaction that ctx is in.
func TxFrom(ctx context.Context) (*sql.Tx, bool) {
	t, _ := ctx.Value(transactionKey{}).(*transaction)
	if t == nil || t.over() {
		return nil, false
	}
	return t.tx, true
}

// AfterCommit calls f once the innermost transaction that ctx is in has been
// committed, before Transact returns: what is said of an effect, such as a line
// in the log, is said when it is true. f is not called where the transaction is
// rolled back, or where nobody knows ([ErrCommitUnknown]). Outside a
// transaction it is called at once.
func AfterCommit(ctx context.Context, f func()) {
	t, _ := ctx.Value(transactionKey{}).(*transaction)
	if t == nil || !t.noteAfter(f) {
		f()
	}
}

// noteAfter returns false if t has ended.
func (t *transaction) noteAfter(f func()) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ended {
		return false
	}
	t.after = append(t.after, f)
	return true
}

func (t *transaction) over() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.ended
}

func (t *transaction) noteStored() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.ended {
		t.stored = true
	}
}

func (t *transaction) doom(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.doomed == nil && !t.ended {
		t.doomed = err
	}
}

// end makes t unusable.
func (t *transaction) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ended = true
}

// Transact runs fn in a transaction and commits it if fn returns nil; an error
// or a panic rolls it back. The context that fn is given carries the
// transaction: what [Outbox.Publish] stores with it is committed with the rest,
// and published right after.
//
// Called with such a context, Transact joins the transaction there. Its error
// rolls back the whole, even if the outer function makes light of it, since
// half of it can't be undone.
//
// Where transactions conflict (a serialization failure, a deadlock, a busy
// SQLite), the database has undone this one, and fn is called again, up to
// [Config.TxAttempts] times. So fn must have no effect but through its
// transaction, and must return the database's errors wrapped, not replaced.
// Don't wait for anything outside in it: it holds a connection, and SQLite's
// only writer.
func (o *Outbox) Transact(ctx context.Context, fn func(ctx context.Context, tx *sql.Tx) error) error {
	if t := o.transactionOf(ctx); t != nil {
		return t.join(ctx, fn)
	}
	return o.retryConflicts(ctx, func() error { return o.transactOnce(ctx, fn) })
}

// join runs fn as a part of t.
func (t *transaction) join(ctx context.Context, fn func(ctx context.Context, tx *sql.Tx) error) error {
	completed := false
	defer func() {
		if !completed { // it panics, and somebody outside may recover
			t.doom(errors.New("a nested transaction panicked"))
		}
	}()
	err := fn(ctx, t.tx)
	if err != nil {
		t.doom(err)
	}
	completed = true
	return err
}

// retryConflicts calls try until it succeeds, fails for another reason than a
// conflict, or has been called often enough.
func (o *Outbox) retryConflicts(ctx context.Context, try func() error) error {
	delays := backoff.NewExponentialBackOff()
	delays.InitialInterval, delays.MaxInterval = 5*time.Millisecond, 500*time.Millisecond
	for attempt := 1; ; attempt++ {
		err := try()
		if err == nil || !isConflict(err) {
			return err
		}
		if attempt >= o.cfg.TxAttempts {
			return fmt.Errorf("gave up after %d conflicts with other transactions: %w", attempt, err)
		}
		timer := time.NewTimer(delays.NextBackOff())
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return fmt.Errorf("%w, after: %w", context.Cause(ctx), err)
		}
	}
}

func (o *Outbox) transactOnce(ctx context.Context, fn func(ctx context.Context, tx *sql.Tx) error) error {
	outer, _ := ctx.Value(transactionKey{}).(*transaction)
	stored := false
	var after []func()
	err := o.write(ctx, func(tx *sql.Tx) error {
		t := &transaction{outbox: o, tx: tx, outer: outer}
		defer t.end() // also if fn panics
		if err := fn(context.WithValue(ctx, transactionKey{}, t), tx); err != nil {
			return err
		}
		t.end() // what still runs in it comes too late to be noted below
		if t.doomed != nil {
			return fmt.Errorf("%w: a nested one failed: %w", ErrRolledBack, t.doomed)
		}
		stored, after = t.stored, t.after
		if ctx.Err() != nil {
			return fmt.Errorf("%w: its context has ended: %w", ErrRolledBack, context.Cause(ctx))
		}
		if stored {
			return o.notify(ctx, tx)
		}
		return nil
	})
	if stored && (err == nil || errors.Is(err, ErrCommitUnknown)) {
		o.signal()
	}
	if err == nil {
		for _, f := range after {
			f()
		}
	}
	return err
}
