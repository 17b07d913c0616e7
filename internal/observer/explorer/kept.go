package explorer

import (
	"context"
	"sync"
	"time"
)

// kept keeps an answer for a while: for a second, or for twenty times as long as
// it took, so that what is asked by every reader of a page takes the ledger a
// twentieth of its time at most.
type kept[T any] struct {
	mu    sync.Mutex
	value T
	until time.Time
}

func (k *kept[T]) get(ctx context.Context, find func(context.Context) (T, error)) (T, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	begin := time.Now()
	if begin.Before(k.until) {
		return k.value, nil
	}
	value, err := find(ctx)
	if err != nil {
		return value, err
	}
	k.value = value
	k.until = time.Now().Add(max(time.Second, 20*time.Since(begin)))
	return value, nil
}
