package process

import (
	"context"
	"fmt"
	"time"

	"github.com/laban-io/laban/internal/observer"
)

// AwaitSight returns when an observer reads the log and has read a pulse of its
// own, or with why it does not when ctx ends.
func AwaitSight(ctx context.Context, o *observer.Observer) error {
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for {
		s := o.Status()
		if s.Role == observer.Active && s.Blind == observer.NotBlind && !s.Log.LastPulse.IsZero() {
			return nil
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			why := "it does not see yet"
			switch {
			case s.Role == observer.Standby:
				why = "another observer of this log leads; stop that one, or use a virtual host of its own"
			case s.BlindDetail != "":
				why = s.BlindDetail
			}
			return fmt.Errorf("the observer: %s: %w", why, context.Cause(ctx))
		}
	}
}
