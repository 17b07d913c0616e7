package database_test

import (
	"context"
	"database/sql"
	"path/filepath"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/database"
	"github.com/laban-io/laban/internal/testenv"
	"github.com/laban-io/laban/pkg/outbox"
)

func file(sql string) *fstest.MapFile { return &fstest.MapFile{Data: []byte("-- +goose Up\n" + sql)} }

func onEach(t *testing.T, test func(t *testing.T, url string)) {
	t.Run("SQLite", func(t *testing.T) { test(t, "sqlite:"+filepath.Join(t.TempDir(), "x.db")) })
	t.Run("PostgreSQL", func(t *testing.T) { test(t, testenv.PostgreSQL(t)) })
}

func has(db *sql.DB, table string) bool {
	_, err := db.Exec("SELECT 1 FROM " + table)
	return err == nil
}

func TestMigrateAppliesWhatIsNew(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		db, dialect := open(t, url)
		fsys := fstest.MapFS{"00001_a.sql": file("CREATE TABLE a (x TEXT);")}
		require.NoError(t, database.Migrate(t.Context(), db, dialect, fsys))
		require.NoError(t, database.Migrate(t.Context(), db, dialect, fsys))
		fsys["00002_b.sql"] = file("CREATE TABLE b (x TEXT);")
		require.NoError(t, database.Migrate(t.Context(), db, dialect, fsys))
		require.True(t, has(db, "a") && has(db, "b"))
	})
}

func TestMigrateKeepsSetsApart(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		db, dialect := open(t, url)
		require.NoError(t, database.Migrate(t.Context(), db, dialect, fstest.MapFS{"00001_a.sql": file("CREATE TABLE a (x TEXT);")}))
		require.NoError(t, database.Migrate(t.Context(), db, dialect, fstest.MapFS{"00001_b.sql": file("CREATE TABLE b (x TEXT);")},
			database.VersionTable("other_version")))
		require.True(t, has(db, "a") && has(db, "b"))
		require.True(t, has(db, "goose_db_version") && has(db, "other_version"))
	})
}

func TestBrokenMigrationIsUndoneAndNamed(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		db, dialect := open(t, url)
		err := database.Migrate(t.Context(), db, dialect, fstest.MapFS{
			"00001_a.sql":      file("CREATE TABLE a (x TEXT);"),
			"00002_broken.sql": file("CREATE TABLE b (x TEXT);\nCREATE NONSENSE;"),
		})
		require.ErrorContains(t, err, "00002_broken.sql")
		require.True(t, has(db, "a"))
		require.False(t, has(db, "b"))
	})
}

func TestMigrateNeedsADialect(t *testing.T) {
	db, _ := open(t, "sqlite::memory:")
	require.ErrorContains(t, database.Migrate(t.Context(), db, outbox.Dialect(7), fstest.MapFS{}), "Dialect(7)")
}

func TestProcessesThatMigrateTogether(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		fsys := fstest.MapFS{}
		for _, name := range []string{"a", "b", "c"} {
			fsys["0000"+string(name[0]-'a'+'1')+"_"+name+".sql"] = file("CREATE TABLE " + name + " (x TEXT);")
		}
		var group sync.WaitGroup
		for range 4 {
			group.Go(func() {
				db, dialect, err := database.Open(context.Background(), url)
				if err != nil {
					t.Error(err)
					return
				}
				defer db.Close()
				if err := database.Migrate(context.Background(), db, dialect, fsys); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		db, _ := open(t, url)
		require.True(t, has(db, "a") && has(db, "b") && has(db, "c"))
	})
}
