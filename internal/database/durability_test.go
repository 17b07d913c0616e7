package database_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/laban-io/laban/internal/database"
	"github.com/laban-io/laban/internal/testenv"
)

func TestRelaxedDoesNotWaitForTheDiskEachTime(t *testing.T) {
	db, _ := open(t, "sqlite:"+filepath.Join(t.TempDir(), "x.db"), database.Relaxed())
	require.Equal(t, "1", pragma(t, db, "synchronous"), "NORMAL")
	db, _ = open(t, testenv.PostgreSQL(t), database.Relaxed())
	var value string
	require.NoError(t, db.QueryRow("SHOW synchronous_commit").Scan(&value))
	require.Equal(t, "off", value)
}

func TestReadOnlyRefusesToWrite(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		writer, _ := open(t, url)
		_, err := writer.Exec("CREATE TABLE t (x INTEGER)")
		require.NoError(t, err)
		reader, _ := open(t, url, database.ReadOnly())
		_, err = reader.Exec("INSERT INTO t (x) VALUES (1)")
		require.Error(t, err)
		tx, err := writer.Begin()
		require.NoError(t, err)
		_, err = tx.Exec("INSERT INTO t (x) VALUES (1)")
		require.NoError(t, err)
		var n int
		require.NoError(t, reader.QueryRow("SELECT count(*) FROM t").Scan(&n), "it does not wait for the writer")
		require.Zero(t, n)
		require.NoError(t, tx.Commit())
		require.NoError(t, reader.QueryRow("SELECT count(*) FROM t").Scan(&n))
		require.Equal(t, 1, n)
	})
}

func TestReadOnlyMakesNoFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	for _, url := range []string{"sqlite:" + path, "sqlite::memory:"} {
		_, _, err := database.Open(t.Context(), url, database.ReadOnly())
		require.Error(t, err, url)
	}
	require.NoFileExists(t, path)
}
