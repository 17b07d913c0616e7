package database

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// counted is SQLite's driver, with its prepared statements counted.
type counted struct {
	sqliteConnector
	counts *counts
}

type counts struct {
	prepared, open int
	conn           *cachingConn // the last
}

func (c counted) Connect(context.Context) (driver.Conn, error) {
	conn, err := c.Driver().Open(c.dsn)
	if err != nil {
		return nil, err
	}
	caching, err := newCachingConn(&countedConn{conn.(sqliteConn), c.counts})
	c.counts.conn = caching
	return caching, err
}

type countedConn struct {
	sqliteConn
	counts *counts
}

func (c *countedConn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	s, err := c.sqliteConn.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	c.counts.prepared++
	c.counts.open++
	return &countedStmt{s.(sqliteStmt), c.counts}, nil
}

type countedStmt struct {
	sqliteStmt
	counts *counts
}

func (s *countedStmt) Close() error {
	s.counts.open--
	return s.sqliteStmt.Close()
}

// oneConnection is a database with a table t of one row, (1, "one"), on a
// connection that has prepared nothing so far.
func oneConnection(t *testing.T) (*sql.DB, *counts) {
	n := &counts{}
	db := sql.OpenDB(counted{sqliteConnector{sqliteDSN(filepath.Join(t.TempDir(), "x.db"), &options{volatile: true})}, n})
	db.SetMaxOpenConns(1)
	t.Cleanup(func() {
		require.NoError(t, db.Close())
		require.Zero(t, n.open, "closed with the connection")
	})
	_, err := db.Exec("CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT UNIQUE); INSERT INTO t VALUES (1, 'one');")
	require.NoError(t, err)
	require.Zero(t, n.prepared, "what changes the schema is not kept")
	return db, n
}

func TestStatementsAreParsedOnce(t *testing.T) {
	db, n := oneConnection(t)
	for i := range 5 {
		_, err := db.Exec("INSERT INTO t (id, name) VALUES ($1, $2)", i+10, fmt.Sprint(i))
		require.NoError(t, err)
		var name string
		require.NoError(t, db.QueryRow("\n\tselect name\n FROM t WHERE id = $1", i+10).Scan(&name))
		require.Equal(t, fmt.Sprint(i), name)
		tx, err := db.Begin()
		require.NoError(t, err)
		require.NoError(t, tx.QueryRow("UPDATE t SET name = name || 'x' WHERE id = $1 RETURNING name", i+10).Scan(&name))
		require.Equal(t, fmt.Sprint(i)+"x", name)
		require.NoError(t, tx.Commit())
	}
	require.Equal(t, 3, n.prepared)
	require.Equal(t, 3, n.open)
}

func TestAStatementMayRunWhileItsRowsAreOpen(t *testing.T) {
	db, n := oneConnection(t)
	_, err := db.Exec("INSERT INTO t (id, name) VALUES (2, 'two'), (3, 'three')")
	require.NoError(t, err)
	conn, err := db.Conn(t.Context())
	require.NoError(t, err)
	const all = "SELECT id FROM t ORDER BY id"
	list := func(rows *sql.Rows) (ids []int) {
		for rows.Next() {
			var id int
			require.NoError(t, rows.Scan(&id))
			ids = append(ids, id)
		}
		return ids
	}
	outer, err := conn.QueryContext(t.Context(), all)
	require.NoError(t, err)
	defer outer.Close()
	require.True(t, outer.Next())
	inner, err := conn.QueryContext(t.Context(), all)
	require.NoError(t, err)
	defer inner.Close()
	require.Equal(t, []int{1, 2, 3}, list(inner))
	require.NoError(t, inner.Err())
	require.Equal(t, []int{2, 3}, list(outer), "goes on where it was")
	require.NoError(t, outer.Err())
	require.NoError(t, conn.Close())
	require.Equal(t, 2, n.open, "one of each text is kept")
}

func TestKeptStatementsAreBounded(t *testing.T) {
	db, n := oneConnection(t)
	for range 2 {
		for i := range 2 * maxStatements {
			var one int
			require.NoError(t, db.QueryRow(fmt.Sprintf("SELECT id FROM t WHERE id = 1 OR id = -%d", i)).Scan(&one))
			require.NoError(t, db.QueryRow("SELECT 1").Scan(&one))
		}
	}
	require.Equal(t, maxStatements, n.open)
	require.Equal(t, 4*maxStatements+1, n.prepared, "the least recently used goes first")
	require.Len(t, n.conn.byText, maxStatements)
}

func TestKeptStatementsSeeTheSchemaChange(t *testing.T) {
	db, n := oneConnection(t)
	columns := func() []string {
		rows, err := db.Query("SELECT * FROM t")
		require.NoError(t, err)
		defer rows.Close()
		names, err := rows.Columns()
		require.NoError(t, err)
		require.True(t, rows.Next())
		require.NoError(t, rows.Err())
		return names
	}
	require.Equal(t, []string{"id", "name"}, columns())
	_, err := db.Exec("ALTER TABLE t ADD COLUMN more TEXT")
	require.NoError(t, err)
	require.Equal(t, []string{"id", "name", "more"}, columns())

	other := sql.OpenDB(n.conn.sqliteConn.(*countedConn).again(t))
	_, err = other.Exec("ALTER TABLE t DROP COLUMN name")
	require.Error(t, err, "it is unique")
	_, err = other.Exec("ALTER TABLE t DROP COLUMN more")
	require.NoError(t, err, "a kept statement does not hold the table")
	require.NoError(t, other.Close())
	require.Equal(t, []string{"id", "name"}, columns(), "another connection changed it")

	_, err = db.Exec("DROP TABLE t")
	require.NoError(t, err)
	_, err = db.Exec("SELECT * FROM t")
	require.ErrorContains(t, err, "no such table")
	_, err = db.Exec("CREATE TABLE t (x TEXT); INSERT INTO t VALUES ('a')")
	require.NoError(t, err)
	require.Equal(t, []string{"x"}, columns())
}

func TestAFailedStatementCanBeRunAgain(t *testing.T) {
	db, _ := oneConnection(t)
	insert := func(id int, name string) error {
		_, err := db.Exec("INSERT INTO t (id, name) VALUES ($1, $2)", id, name)
		return err
	}
	require.NoError(t, insert(2, "two"))
	err := insert(3, "two")
	require.ErrorContains(t, err, "UNIQUE constraint failed")
	require.NoError(t, insert(3, "three"))
	var id int
	require.ErrorContains(t, db.QueryRow("INSERT INTO t (id, name) VALUES ($1, 'two') RETURNING id", 4).Scan(&id), "UNIQUE")
	require.NoError(t, db.QueryRow("SELECT max(id) FROM t").Scan(&id))
	require.Equal(t, 3, id)
}

func TestAStatementThatWasCutShortCanBeRunAgain(t *testing.T) {
	db, _ := oneConnection(t)
	const slow = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < $1) SELECT count(*) FROM c"
	var n int
	require.NoError(t, db.QueryRow(slow, 10).Scan(&n))
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, db.QueryRowContext(ctx, slow, 1_000_000_000).Scan(&n), context.DeadlineExceeded)
	require.NoError(t, db.QueryRow(slow, 100).Scan(&n))
	require.Equal(t, 100, n)

	// Rows that are closed early leave nothing locked.
	require.NoError(t, db.QueryRow("SELECT id FROM t UNION ALL SELECT 2 FROM t").Scan(&n))
	_, err := db.Exec("DROP TABLE t")
	require.NoError(t, err)
}

func TestPragmasTakeEffectEachTime(t *testing.T) {
	db, n := oneConnection(t)
	for _, want := range []int{0, 1, 0, 1} {
		_, err := db.Exec(fmt.Sprintf("PRAGMA foreign_keys = %d", want))
		require.NoError(t, err)
		var got int
		require.NoError(t, db.QueryRow("PRAGMA foreign_keys").Scan(&got))
		require.Equal(t, want, got)
	}
	require.Zero(t, n.open)
}

func TestRowsStillTellTheTypesOfColumns(t *testing.T) {
	db, _ := oneConnection(t)
	rows, err := db.Query("SELECT id, name FROM t")
	require.NoError(t, err)
	defer rows.Close()
	types, err := rows.ColumnTypes()
	require.NoError(t, err)
	require.NoError(t, rows.Err())
	require.Equal(t, "INTEGER", types[0].DatabaseTypeName())
	require.Equal(t, "TEXT", types[1].DatabaseTypeName())
}

// again is a plain connector to the same file.
func (c *countedConn) again(t *testing.T) driver.Connector {
	rows, err := c.QueryContext(t.Context(), "PRAGMA database_list", nil)
	require.NoError(t, err)
	defer rows.Close()
	values := make([]driver.Value, 3)
	require.NoError(t, rows.Next(values))
	return sqliteConnector{sqliteDSN(values[2].(string), &options{volatile: true})}
}
