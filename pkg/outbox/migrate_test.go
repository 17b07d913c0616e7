package outbox_test

import (
	"context"
	"database/sql"
	"fmt"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/database"
	"github.com/laban-io/laban/pkg/outbox"
)

// TestMigrate lets several processes start on one empty database, each with
// tables of its own beside those of the outbox.
func TestMigrate(t *testing.T) {
	for name, address := range map[string]func(testing.TB) string{
		"SQLite":     func(t testing.TB) string { return "sqlite:" + t.TempDir() + "/m.db" },
		"PostgreSQL": pgURL,
	} {
		t.Run(name, func(t *testing.T) {
			url := address(t)
			own := fstest.MapFS{"00001_orders.sql": {Data: []byte("-- +goose Up\nCREATE TABLE orders (id TEXT PRIMARY KEY);\n")}}
			var group sync.WaitGroup
			for range 4 {
				group.Go(func() {
					db, dialect, err := database.Open(context.Background(), url)
					if err != nil {
						t.Error(err)
						return
					}
					defer db.Close()
					ob, err := outbox.New(db, dialect, newSender(t, &broker{}), outbox.Config{})
					if err != nil {
						t.Error(err)
						return
					}
					for range 2 { // the second time there is nothing to do
						if err := ob.Migrate(context.Background()); err != nil {
							t.Error(err)
						}
						if err := database.Migrate(context.Background(), db, dialect, own); err != nil {
							t.Error(err)
						}
					}
				})
			}
			group.Wait()
			db, dialect, err := database.Open(t.Context(), url)
			require.NoError(t, err)
			defer db.Close()
			at := testDB{DB: db, dialect: dialect}
			require.Equal(t, 2, at.count(t, "SELECT count(*) FROM outbox_version"), "the start, and one migration")
			require.Equal(t, 2, at.count(t, "SELECT count(*) FROM goose_db_version"))
			ob := at.newOutbox(t, &broker{}, outbox.Config{})
			require.NoError(t, ob.Transact(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
				if _, err := tx.ExecContext(ctx, "INSERT INTO orders (id) VALUES ($1)", "1042"); err != nil {
					return err
				}
				return ob.Publish(ctx, evt("1", "k"))
			}))
		})
	}
}

func TestNewRefusesNonsense(t *testing.T) {
	db := openDB(t, "sqlite::memory:")
	sender := newSender(t, &broker{})
	_, err := outbox.New(db.DB, 0, sender, outbox.Config{})
	require.ErrorContains(t, err, "Dialect(0)")
	_, err = outbox.New(db.DB, outbox.SQLite, sender, outbox.Config{Window: -1, Lease: -1, MinBackoff: 2, MaxBackoff: 1, KeepPublished: -1})
	for _, field := range []string{"Window", "Lease", "MinBackoff", "MaxBackoff", "KeepPublished"} {
		require.ErrorContains(t, err, field, fmt.Sprint(err))
	}
}
