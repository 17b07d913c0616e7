package ledger

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"hash/maphash"
	"io/fs"
	"sync"

	"github.com/laban-io/laban/internal/database"
	"github.com/laban-io/laban/pkg/outbox"
)

//go:embed migrations
var migrations embed.FS

// VersionTable is where it is noted which migrations a ledger has had.
const VersionTable = "laban_ledger_version"

// Config says how to open a ledger. The zero value is good.
type Config struct {
	// Volatile never waits for the disk, for a ledger that goes with its process.
	Volatile bool
}

// Ledger is the observer's handle, which writes. It is safe for concurrent use;
// transactions take turns.
type Ledger struct {
	*Reader
	tables *tables

	turn   chan struct{} // held by whoever writes; guards conn and closed
	conn   connection
	closed bool

	committing sync.Mutex // guards what follows
	doubt      *Batch     // a batch of which nobody knows whether it was committed
	seen       *seen
}

// Open opens the ledger that url names, as [database.Open] does, and brings its
// tables up to date. Close it when done.
func Open(ctx context.Context, url string, cfg Config) (*Ledger, error) {
	option := database.Relaxed()
	if cfg.Volatile {
		option = database.Volatile()
	}
	db, dialect, err := database.Open(ctx, url, option)
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	files, err := fs.Sub(migrations, "migrations/"+folder(dialect))
	if err == nil {
		err = database.Migrate(ctx, db, dialect, files, database.VersionTable(VersionTable))
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("ledger: %w", err), db.Close())
	}
	return &Ledger{
		Reader: &Reader{db: db, dialect: dialect},
		tables: newTables(),
		turn:   make(chan struct{}, 1),
		seen:   &seen{seed: maphash.MakeSeed()},
	}, nil
}

func folder(d outbox.Dialect) string {
	if d == outbox.PostgreSQL {
		return "postgresql"
	}
	return "sqlite"
}

// Close waits for the transaction that runs, and closes the ledger.
func (l *Ledger) Close() error {
	l.turn <- struct{}{}
	defer func() { <-l.turn }()
	l.closed = true
	var err error
	if l.conn != nil {
		err = l.conn.close(false)
		l.conn = nil
	}
	return errors.Join(err, l.db.Close())
}

// TakeOver makes the caller the observer that writes: it returns a new epoch,
// and commits with an earlier one fail from now on.
func (l *Ledger) TakeOver(ctx context.Context) (epoch int64, err error) {
	err = l.write(ctx, func(w writer) error {
		if _, err := w.exec(ctx, "UPDATE log SET epoch = epoch + 1 WHERE id = 1"); err != nil {
			return err
		}
		return w.row(ctx, "SELECT epoch FROM log WHERE id = 1", nil, &epoch)
	})
	if err != nil {
		return 0, fmt.Errorf("take over the ledger: %w", err)
	}
	return epoch, nil
}
