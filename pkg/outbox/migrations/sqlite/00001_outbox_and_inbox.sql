-- +goose Up

-- Times are microseconds since 1970, by the database's clock.
CREATE TABLE outbox (
    seq          INTEGER PRIMARY KEY AUTOINCREMENT,
    event_id     TEXT    NOT NULL,
    type         TEXT    NOT NULL,
    order_key    TEXT    NOT NULL,
    envelope     TEXT    NOT NULL, -- CloudEvents attributes, JSON
    headers      TEXT    NOT NULL, -- trace context, JSON
    data         BLOB,
    created_at   INTEGER NOT NULL,
    attempts     INTEGER NOT NULL DEFAULT 0,
    last_error   TEXT    NOT NULL DEFAULT '',
    claimed_by   TEXT    NOT NULL DEFAULT '', -- the relay that holds the row
    not_before   INTEGER NOT NULL DEFAULT 0,  -- nobody else takes the row, or a later one of its key, before
    failed_at    INTEGER,                     -- set aside: it can't be published
    published_at INTEGER                      -- kept after it was published
);

CREATE INDEX outbox_pending   ON outbox (seq)            WHERE failed_at IS NULL AND published_at IS NULL;
CREATE INDEX outbox_held      ON outbox (order_key, seq) WHERE failed_at IS NULL AND published_at IS NULL AND not_before > 0;
CREATE INDEX outbox_failed    ON outbox (seq)            WHERE failed_at IS NOT NULL;
CREATE INDEX outbox_published ON outbox (published_at)   WHERE published_at IS NOT NULL;

CREATE TABLE inbox (
    consumer    TEXT    NOT NULL,
    source      TEXT    NOT NULL,
    event_id    TEXT    NOT NULL,
    received_at INTEGER NOT NULL,
    PRIMARY KEY (consumer, source, event_id)
) WITHOUT ROWID;

CREATE INDEX inbox_received ON inbox (received_at);

-- +goose Down
DROP TABLE inbox;
DROP TABLE outbox;
