-- +goose Up

-- Times are microseconds since 1970, by the database's clock.
CREATE TABLE outbox (
    seq          BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id     TEXT   NOT NULL,
    type         TEXT   NOT NULL,
    order_key    TEXT   NOT NULL,
    envelope     JSON   NOT NULL, -- CloudEvents attributes
    headers      JSON   NOT NULL, -- trace context
    data         BYTEA,
    created_at   BIGINT NOT NULL,
    attempts     INTEGER NOT NULL DEFAULT 0,
    last_error   TEXT   NOT NULL DEFAULT '',
    claimed_by   TEXT   NOT NULL DEFAULT '',  -- the relay that holds the row
    not_before   BIGINT NOT NULL DEFAULT 0,   -- nobody else takes the row, or a later one of its key, before
    failed_at    BIGINT,                      -- set aside: it can't be published
    published_at BIGINT                       -- kept after it was published
);

CREATE INDEX outbox_pending   ON outbox (seq)            WHERE failed_at IS NULL AND published_at IS NULL;
CREATE INDEX outbox_held      ON outbox (order_key, seq) WHERE failed_at IS NULL AND published_at IS NULL AND not_before > 0;
CREATE INDEX outbox_failed    ON outbox (seq)            WHERE failed_at IS NOT NULL;
CREATE INDEX outbox_published ON outbox (published_at)   WHERE published_at IS NOT NULL;

CREATE TABLE inbox (
    consumer    TEXT   NOT NULL,
    source      TEXT   NOT NULL,
    event_id    TEXT   NOT NULL,
    received_at BIGINT NOT NULL,
    PRIMARY KEY (consumer, source, event_id)
);

CREATE INDEX inbox_received ON inbox (received_at);

-- +goose Down
DROP TABLE inbox;
DROP TABLE outbox;
