package keyed_test

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/laban-io/laban/internal/keyed"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type item struct {
	key string
	n   int
}

// Whatever is submitted runs once; each key's items in order and one at a time;
// and no more than the workers at a time.
func TestOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		workers := rapid.IntRange(1, 6).Draw(t, "workers")
		keys := rapid.SliceOfN(rapid.IntRange(0, 4), 0, 200).Draw(t, "keys")
		yields := rapid.IntRange(0, 5).Draw(t, "yields")
		var (
			mu      sync.Mutex
			ran     = map[string][]int{}
			now     = map[string]int{}
			running int
			faults  []string
		)
		pool := keyed.NewPool(workers, func(i item) {
			mu.Lock()
			running++
			now[i.key]++
			if now[i.key] > 1 {
				faults = append(faults, "two at a time of key "+i.key)
			}
			if running > workers {
				faults = append(faults, "more at a time than workers")
			}
			ran[i.key] = append(ran[i.key], i.n)
			mu.Unlock()
			for range yields {
				runtime.Gosched()
			}
			mu.Lock()
			running--
			now[i.key]--
			mu.Unlock()
		})
		want := map[string][]int{}
		for n, k := range keys {
			key := fmt.Sprint(k)
			want[key] = append(want[key], n)
			if !pool.Submit(key, item{key, n}) {
				t.Fatal("an open pool takes no items")
			}
		}
		pool.Close()
		if len(faults) > 0 {
			t.Fatal(faults)
		}
		if fmt.Sprint(ran) != fmt.Sprint(want) {
			t.Fatalf("ran %v\nwant %v", ran, want)
		}
	})
}

// Different keys run at the same time, on all workers; a key that is slow holds
// up no other.
func TestParallel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		var running, done atomic.Int32
		pool := keyed.NewPool(3, func(key string) {
			running.Add(1)
			defer running.Add(-1)
			if key == "slow" || key[0] == 'w' {
				<-release
			}
			done.Add(1)
		})
		pool.Submit("slow", "slow")
		pool.Submit("slow", "slow")
		for i := range 20 {
			pool.Submit(fmt.Sprint(i), fmt.Sprint(i))
		}
		synctest.Wait()
		require.EqualValues(t, 20, done.Load(), "what comes behind a slow key")
		for _, key := range []string{"w1", "w2", "w3"} {
			pool.Submit(key, key)
		}
		synctest.Wait()
		require.EqualValues(t, 3, running.Load())
		close(release)
		pool.Close()
		require.EqualValues(t, 25, done.Load())
	})
}

// Close lets run what was submitted, takes no more, and may be called twice and
// while others submit.
func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		var done atomic.Int32
		pool := keyed.NewPool(2, func(string) {
			<-release
			done.Add(1)
		})
		for i := range 10 {
			pool.Submit(fmt.Sprint(i%3), "")
		}
		closed := make(chan struct{})
		go func() {
			pool.Close()
			close(closed)
		}()
		synctest.Wait()
		require.False(t, pool.Submit("late", ""))
		select {
		case <-closed:
			require.Fail(t, "closed before everything ran")
		default:
		}
		close(release)
		<-closed
		require.EqualValues(t, 10, done.Load())
		pool.Close()
	})
}

func TestCloseEmpty(t *testing.T) {
	keyed.NewPool(4, func(int) {}).Close()
	keyed.NewPool(0, func(int) {}).Close() // still one worker
}

// What many submit while the pool is closed runs exactly if it was taken.
func TestSubmitWhileClosing(t *testing.T) {
	for range 50 {
		var taken, ran atomic.Int32
		pool := keyed.NewPool(3, func(int) { ran.Add(1) })
		var all sync.WaitGroup
		for i := range 4 {
			all.Go(func() {
				for n := range 50 {
					if pool.Submit(fmt.Sprint(i, n%5), n) {
						taken.Add(1)
					}
				}
			})
		}
		runtime.Gosched()
		pool.Close()
		all.Wait()
		require.Equal(t, taken.Load(), ran.Load())
	}
}

// An item may submit others, as a handler may publish.
func TestSubmitFromWithin(t *testing.T) {
	var pool *keyed.Pool[int]
	done := make(chan struct{})
	pool = keyed.NewPool(1, func(n int) {
		if n == 0 {
			close(done)
			return
		}
		pool.Submit("key", n-1)
	})
	pool.Submit("key", 100)
	<-done
	pool.Close()
}

// Items that end their goroutines cost no worker, and hold up no key.
func TestGoexit(t *testing.T) {
	const workers, items = 2, 20
	var ran atomic.Int32
	both := make(chan struct{}, workers)
	pool := keyed.NewPool(workers, func(n int) {
		ran.Add(1)
		switch {
		case n < 0: // returns when as many run at the same time as there are workers
			both <- struct{}{}
			for len(both) < workers {
				runtime.Gosched()
			}
		case n%2 == 0:
			runtime.Goexit()
		}
	})
	for n := range items {
		pool.Submit(fmt.Sprint("key", n%3), n)
	}
	for n := range workers {
		pool.Submit(fmt.Sprint("last", n), -1)
	}
	pool.Close()
	require.EqualValues(t, items+workers, ran.Load())
}

func BenchmarkPool(b *testing.B) {
	for _, keys := range []int{1, 1000} {
		b.Run(fmt.Sprintf("keys=%d", keys), func(b *testing.B) {
			names := make([]string, keys)
			for i := range names {
				names[i] = fmt.Sprint("order-", i)
			}
			outstanding := make(chan struct{}, 16) // as a prefetch bounds it
			pool := keyed.NewPool(8, func(int) { <-outstanding })
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				outstanding <- struct{}{}
				pool.Submit(names[n%keys], n)
				n++
			}
			pool.Close()
		})
	}
}
