package chassis

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// untilSignal returns a context that ends with SIGINT or SIGTERM. A second one
// ends the process at once: somebody means it. Call stop to end watching.
func untilSignal(ctx context.Context, stderr io.Writer) (_ context.Context, stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	signals := make(chan os.Signal, 2) // room for both, so that none is missed
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	done := make(chan struct{})
	var watch sync.WaitGroup
	watch.Go(func() {
		for n := 1; ; n++ {
			select {
			case s := <-signals:
				if n > 1 {
					fmt.Fprintf(stderr, "%v again: ending at once; what was under way is picked up at the next start\n", s)
					os.Exit(130) // 128 + SIGINT, as a shell reports an interrupted command
				}
				cancel()
			case <-done:
				return
			}
		}
	})
	return ctx, func() {
		signal.Stop(signals)
		close(done)
		watch.Wait()
		cancel()
	}
}
