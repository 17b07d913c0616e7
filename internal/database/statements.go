package database

import (
	"container/list"
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
)

// maxStatements is how many prepared statements a connection keeps. The
// services and the outbox have a few dozen each.
const maxStatements = 128

// sqliteConn is what a connection of package modernc.org/sqlite can do.
type sqliteConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

// sqliteStmt is what a prepared statement of it can do.
type sqliteStmt interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

// sqliteRows is what its rows can do.
type sqliteRows interface {
	driver.Rows
	driver.RowsColumnTypeDatabaseTypeName
	driver.RowsColumnTypeLength
	driver.RowsColumnTypeNullable
	driver.RowsColumnTypePrecisionScale
	driver.RowsColumnTypeScanType
}

// cachingConn keeps the statements that it runs prepared, since SQLite has no
// server that would: parsing and planning cost more than most of them. The
// least recently used go first; SQLite itself prepares one again whose tables
// have changed. What PrepareContext returns is the caller's own.
//
// Like every driver's connection it is used by one goroutine at a time:
// database/sql sees to that.
type cachingConn struct {
	sqliteConn
	idle   *list.List // of *statement, the last used in front
	byText map[string]*list.Element
	closed bool
}

// statement is a prepared statement. While it runs and while its rows are open
// it is not among the idle ones.
type statement struct {
	sqliteStmt
	text string
}

func newCachingConn(conn driver.Conn) (*cachingConn, error) {
	c, ok := conn.(sqliteConn)
	if !ok {
		return nil, errors.Join(fmt.Errorf("a connection of SQLite's driver is a %T, which lacks what is needed", conn), conn.Close())
	}
	return &cachingConn{sqliteConn: c, idle: list.New(), byText: make(map[string]*list.Element)}, nil
}

// ExecContext runs a statement and keeps it.
func (c *cachingConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if !worthKeeping(query) {
		return c.sqliteConn.ExecContext(ctx, query, args)
	}
	s, err := c.take(ctx, query)
	if err != nil {
		return nil, err
	}
	result, err := s.ExecContext(ctx, args)
	if err != nil {
		_ = s.Close() // the error is the statement's own
		return nil, err
	}
	return result, c.keep(s)
}

// QueryContext runs a statement and keeps it when its rows are closed.
func (c *cachingConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	if !worthKeeping(query) {
		return c.sqliteConn.QueryContext(ctx, query, args)
	}
	s, err := c.take(ctx, query)
	if err != nil {
		return nil, err
	}
	r, err := s.QueryContext(ctx, args)
	if err != nil {
		_ = s.Close() // the error is the statement's own
		return nil, err
	}
	typed, ok := r.(sqliteRows)
	if !ok {
		return nil, errors.Join(fmt.Errorf("rows of SQLite's driver are a %T, which lacks what is needed", r), r.Close(), s.Close())
	}
	return &keepingRows{sqliteRows: typed, conn: c, statement: s}, nil
}

// Close closes the statements and the connection.
func (c *cachingConn) Close() error {
	var errs []error
	c.closed = true
	for c.idle.Len() > 0 {
		errs = append(errs, c.drop(c.idle.Front()).Close())
	}
	return errors.Join(append(errs, c.sqliteConn.Close())...)
}

// take returns the statement with this text, for one use.
func (c *cachingConn) take(ctx context.Context, text string) (*statement, error) {
	if e, ok := c.byText[text]; ok {
		return c.drop(e), nil
	}
	prepared, err := c.PrepareContext(ctx, text)
	if err != nil {
		return nil, err
	}
	s, ok := prepared.(sqliteStmt)
	if !ok {
		return nil, errors.Join(fmt.Errorf("a statement of SQLite's driver is a %T, which lacks what is needed", prepared), prepared.Close())
	}
	return &statement{s, text}, nil
}

// keep puts a statement back that was taken.
func (c *cachingConn) keep(s *statement) error {
	if _, ok := c.byText[s.text]; ok || c.closed {
		return s.Close() // it ran twice at a time
	}
	c.byText[s.text] = c.idle.PushFront(s)
	if c.idle.Len() > maxStatements {
		return c.drop(c.idle.Back()).Close()
	}
	return nil
}

func (c *cachingConn) drop(e *list.Element) *statement {
	s := c.idle.Remove(e).(*statement) //nolint:errcheck,forcetypeassert // nothing else is put in
	delete(c.byText, s.text)
	return s
}

// worthKeeping tells statements that run again and again. A PRAGMA must not be
// kept: some take effect when they are prepared. What changes the schema, and
// scripts that do, run once.
func worthKeeping(query string) bool {
	verb, _, _ := strings.Cut(strings.TrimSpace(query), " ")
	verb, _, _ = strings.Cut(verb, "\n")
	switch strings.ToUpper(strings.TrimSpace(verb)) {
	case "SELECT", "INSERT", "UPDATE", "DELETE", "WITH":
		return true
	}
	return false
}

// keepingRows puts the statement back when they are closed.
type keepingRows struct {
	sqliteRows
	conn      *cachingConn
	statement *statement
}

// Close may be called more than once.
func (r *keepingRows) Close() error {
	s := r.statement
	if s == nil {
		return nil
	}
	r.statement = nil
	if err := r.sqliteRows.Close(); err != nil {
		_ = s.Close() // the error is the statement's own
		return err
	}
	return r.conn.keep(s)
}
