package outbox

import (
	"context"

	"github.com/laban-io/laban/pkg/event"
)

// RunFaulty runs a relay alone whose every transaction with the database is
// enclosed by before and after. An error of before keeps it from happening; an
// error of after is returned although it has happened.
func (o *Outbox) RunFaulty(ctx context.Context, before, after func() error) {
	inner := &sqlStore{outbox: o, token: event.NewID()}
	newRelay(o, &faultyStore{inner, before, after}).run(ctx)
}

type faultyStore struct {
	store
	before, after func() error
}

func (s *faultyStore) turn(ctx context.Context, done *settlement, c claim) (claimed, error) {
	if err := s.before(); err != nil {
		return claimed{}, err
	}
	got, err := s.store.turn(ctx, done, c)
	if err != nil {
		return claimed{}, err
	}
	if err := s.after(); err != nil {
		return claimed{}, err
	}
	return got, nil
}

// CleanUp removes what is kept no longer.
func (o *Outbox) CleanUp(ctx context.Context) error { return o.cleanUpOnce(ctx) }
