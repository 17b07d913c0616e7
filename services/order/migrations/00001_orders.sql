-- +goose Up
-- Times are nanoseconds since 1970 in UTC: what every database keeps exactly.
CREATE TABLE orders (
    id             TEXT   NOT NULL PRIMARY KEY, -- a ULID: sorts by time
    customer_email TEXT   NOT NULL,
    customer_key   TEXT   NOT NULL,             -- the address in lower case
    items          TEXT   NOT NULL,             -- JSON
    amount         BIGINT NOT NULL CHECK (amount > 0),
    currency       TEXT   NOT NULL,
    ship_to        TEXT   NOT NULL,
    flow           TEXT   NOT NULL,             -- JSON: identity and trace of the flow
    status         TEXT   NOT NULL,             -- derived from order_facts
    created_ns     BIGINT NOT NULL,
    updated_ns     BIGINT NOT NULL
);
CREATE INDEX orders_by_status ON orders (status, id);
CREATE INDEX orders_by_customer ON orders (customer_key, id);

-- What is known of an order, also of one that is not in orders (yet).
CREATE TABLE order_facts (
    order_id    TEXT   NOT NULL,
    source      TEXT   NOT NULL,
    event_id    TEXT   NOT NULL,
    event_type  TEXT   NOT NULL,
    occurred_ns BIGINT NOT NULL, -- by the emitting service's clock
    recorded_ns BIGINT NOT NULL, -- by this service's
    detail      TEXT   NOT NULL, -- JSON
    PRIMARY KEY (order_id, source, event_id)
);

-- What was answered to a request with an Idempotency-Key.
CREATE TABLE idempotency_keys (
    key         TEXT   NOT NULL PRIMARY KEY,
    fingerprint TEXT   NOT NULL, -- SHA-256 of the request
    answer      TEXT   NOT NULL, -- JSON
    created_ns  BIGINT NOT NULL
);
