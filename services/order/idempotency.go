package order

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
)

// errKeyReused: the idempotency key came before with another request.
var errKeyReused = errors.New("the idempotency key was used for another request")

// claimKey stores the answer to a request under its key, and tells whether the
// key was free. It waits for another transaction that is about to claim it. No
// key is always free.
func claimKey(ctx context.Context, tx *sql.Tx, key, fingerprint string, answer Order) (bool, error) {
	if key == "" {
		return true, nil
	}
	text, err := json.Marshal(answer)
	if err != nil {
		return false, fmt.Errorf("encode the answer: %w", err)
	}
	res, err := tx.ExecContext(ctx, `
		INSERT INTO idempotency_keys (key, fingerprint, answer, created_ns) VALUES ($1, $2, $3, $4)
		ON CONFLICT (key) DO NOTHING`,
		key, fingerprint, string(text), answer.CreatedAt.UnixNano())
	if err != nil {
		return false, fmt.Errorf("store the idempotency key: %w", err)
	}
	n, err := res.RowsAffected()
	if err != nil {
		return false, fmt.Errorf("store the idempotency key: %w", err)
	}
	return n > 0, nil
}

// replay returns what was answered to the request with a key, nil if there was
// none, or errKeyReused if that was another request.
func replay(ctx context.Context, q querier, key, fingerprint string) (*placing, error) {
	if key == "" {
		return nil, nil
	}
	var storedFingerprint, answer string
	err := q.QueryRowContext(ctx, `SELECT fingerprint, answer FROM idempotency_keys WHERE key = $1`, key).
		Scan(&storedFingerprint, &answer)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("read the idempotency key: %w", err)
	case storedFingerprint != fingerprint:
		return nil, errKeyReused
	}
	answered := &placing{replayed: true}
	if err := json.Unmarshal([]byte(answer), &answered.order); err != nil {
		return nil, fmt.Errorf("decode the answer of the idempotency key: %w", err)
	}
	answered.flow, err = flowOf(ctx, q, answered.order.ID)
	return answered, err
}
