package outbox

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"
)

// store is what a relay needs of the database. Each call is one transaction.
type store interface {
	// turn writes down what became of rows that the relay holds, and claims
	// more for it.
	turn(ctx context.Context, s *settlement, c claim) (claimed, error)
}

// settlement is what became of rows since the last turn.
type settlement struct {
	confirmed []int64   // the broker has them
	held      []verdict // to be tried again after a delay
	failed    []verdict // never to be tried again
	released  []int64   // not tried: free for any relay
	renewed   []int64   // still in hand
}

// verdict is what became of a row that could not be published.
type verdict struct {
	row      *row
	attempts int
	delay    time.Duration
	err      error
}

func (s *settlement) size() int {
	return len(s.confirmed) + len(s.held) + len(s.failed) + len(s.released) + len(s.renewed)
}

func (s *settlement) empty() bool { return s.size() == 0 }

// claim asks for rows.
type claim struct {
	rows  int  // at most so many; 0 asks for none
	bytes int  // at most so much data
	alone bool // one row may be larger than that

	inHand []int64 // rows that the relay has
}

// claimed are the rows that a relay may publish until its lease ends.
type claimed struct {
	rows []*row
	// more tells that the claim's limits were reached, so that there may be
	// more rows.
	more bool
}

// sqlStore is the store in a database. Its rows are claimed by token.
type sqlStore struct {
	outbox *Outbox
	token  string
}

// pending is the condition for rows that are to be published.
const pending = "failed_at IS NULL AND published_at IS NULL"

// advisoryClass makes the advisory lock by which claims take turns ours. It is
// "labn".
const advisoryClass = 0x6c61626e

func (s *sqlStore) turn(ctx context.Context, done *settlement, c claim) (claimed, error) {
	var result claimed
	if done.empty() && s.outbox.dialect == SQLite {
		// Looking in vain must not take SQLite's only writer from others.
		seqs, more, err := s.choose(ctx, s.outbox.db, c)
		if err != nil {
			return claimed{}, fmt.Errorf("look for outbox rows: %w", err)
		}
		if len(seqs) == 0 {
			return claimed{more: more}, nil
		}
	}
	err := s.outbox.writeRelaxed(ctx, func(tx *sql.Tx) error {
		if err := s.settle(ctx, tx, done); err != nil {
			return fmt.Errorf("settle outbox rows: %w", err)
		}
		if c.rows == 0 {
			return nil
		}
		if err := s.takeTurns(ctx, tx); err != nil {
			return err
		}
		seqs, more, err := s.choose(ctx, tx, c)
		if err != nil {
			return fmt.Errorf("look for outbox rows: %w", err)
		}
		result = claimed{more: more}
		if len(seqs) == 0 {
			return nil
		}
		if result.rows, err = s.take(ctx, tx, seqs); err != nil {
			return fmt.Errorf("claim outbox rows: %w", err)
		}
		return nil
	})
	if err != nil {
		return claimed{}, err
	}
	return result, nil
}

// takeTurns waits until no other relay claims. Two at a time would each miss
// what the other claims, and rows of one key could go to both. SQLite has one
// writer anyway.
func (s *sqlStore) takeTurns(ctx context.Context, tx *sql.Tx) error {
	if s.outbox.dialect != PostgreSQL {
		return nil
	}
	if _, err := tx.ExecContext(ctx, "SELECT pg_advisory_xact_lock($1::int, 'outbox'::regclass::oid::int)", advisoryClass); err != nil {
		return fmt.Errorf("wait for the claim of another relay: %w", err)
	}
	return nil
}

func (s *sqlStore) settle(ctx context.Context, tx *sql.Tx, done *settlement) error {
	d := s.outbox.dialect
	exec := func(query string, args ...any) error {
		_, err := tx.ExecContext(ctx, query, args...)
		return err
	}
	if len(done.confirmed) > 0 {
		// Whoever claims the row by now: the broker has it.
		query := "DELETE FROM outbox WHERE " + d.among("$1")
		if s.outbox.cfg.KeepPublished > 0 {
			query = "UPDATE outbox SET published_at = " + d.now() + ", claimed_by = '', not_before = 0 WHERE " + d.among("$1")
		}
		if err := exec(query, d.list(done.confirmed)); err != nil {
			return err
		}
	}
	for _, v := range done.held {
		if err := exec("UPDATE outbox SET attempts = $1, last_error = $2, not_before = "+d.now()+" + $3, claimed_by = '' WHERE seq = $4 AND claimed_by = $5",
			v.attempts, errorText(v.err), v.delay.Microseconds(), v.row.seq, s.token); err != nil {
			return err
		}
	}
	for _, v := range done.failed {
		if err := exec("UPDATE outbox SET attempts = $1, last_error = $2, failed_at = "+d.now()+", not_before = 0, claimed_by = '' WHERE seq = $3 AND claimed_by = $4",
			v.attempts, errorText(v.err), v.row.seq, s.token); err != nil {
			return err
		}
	}
	if len(done.released) > 0 {
		if err := exec("UPDATE outbox SET not_before = 0, claimed_by = '' WHERE "+d.among("$1")+" AND claimed_by = $2",
			d.list(done.released), s.token); err != nil {
			return err
		}
	}
	if len(done.renewed) > 0 {
		if err := exec("UPDATE outbox SET not_before = "+d.now()+" + $1 WHERE "+d.among("$2")+" AND claimed_by = $3",
			s.outbox.cfg.Lease.Microseconds(), d.list(done.renewed), s.token); err != nil {
			return err
		}
	}
	return nil
}

// querier is a transaction, or a pool.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// choose returns the oldest rows that may be claimed: nobody holds them, their
// delay is over, and every earlier row of their key may be claimed, too, or is
// in hand. What is in hand is not told by the token: a claim may have been
// committed although its answer was lost.
func (s *sqlStore) choose(ctx context.Context, db querier, c claim) (seqs []int64, more bool, err error) {
	d := s.outbox.dialect
	now, args := d.now(), []any{d.list(c.inHand), c.rows}
	if d == SQLite {
		// Its clock stands still while it looks for one row, not for all of them:
		// a row could be taken because an earlier one of its key, passed over as
		// not yet due, has become due meanwhile.
		var at int64
		if err := db.QueryRowContext(ctx, "SELECT "+now).Scan(&at); err != nil {
			return nil, false, err
		}
		now, args = "$3", append(args, at)
	}
	query := `SELECT o.seq, coalesce(octet_length(o.data), 0) FROM outbox o
		WHERE o.failed_at IS NULL AND o.published_at IS NULL AND o.not_before <= ` + now + `
		AND (
			SELECT p.seq FROM outbox p
			WHERE p.order_key = o.order_key AND p.seq < o.seq
			AND p.failed_at IS NULL AND p.published_at IS NULL AND p.not_before > 0
			AND p.not_before > ` + now + ` AND NOT p.` + d.among("$1") + `
			LIMIT 1) IS NULL
		ORDER BY o.seq LIMIT $2`
	if d == PostgreSQL {
		query += " FOR UPDATE OF o SKIP LOCKED"
	}
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, false, err
	}
	defer rows.Close()
	bytes, seen := 0, 0
	for rows.Next() {
		var (
			seq  int64
			size int
		)
		if err := rows.Scan(&seq, &size); err != nil {
			return nil, false, err
		}
		seen++
		bytes += size
		if bytes > c.bytes && (!c.alone || seen > 1) {
			return seqs, true, nil
		}
		seqs = append(seqs, seq)
	}
	return seqs, seen == c.rows, rows.Err()
}

func (s *sqlStore) take(ctx context.Context, tx *sql.Tx, seqs []int64) ([]*row, error) {
	d := s.outbox.dialect
	//nolint:gosec // put together from constants
	query := `UPDATE outbox SET claimed_by = $1, not_before = ` + d.now() + ` + $2 WHERE ` + d.among("$3") + `
		RETURNING seq, event_id, type, order_key, envelope, headers, data, created_at, attempts`
	rows, err := tx.QueryContext(ctx, query, s.token, s.outbox.cfg.Lease.Microseconds(), d.list(seqs))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	taken := make([]*row, 0, len(seqs))
	for rows.Next() {
		r, err := scanRow(rows)
		if err != nil {
			return nil, err
		}
		taken = append(taken, r)
	}
	// Neither database promises an order here.
	slices.SortFunc(taken, func(a, b *row) int { return int(a.seq - b.seq) })
	return taken, rows.Err()
}
