-- +goose Up

-- One row for each order that delivery has heard of. The columns named after
-- facts hold the id of the first event that told, or nothing. Amounts are in
-- minor units of the currency.
CREATE TABLE shipments (
    order_id          TEXT   NOT NULL PRIMARY KEY,
    payment_confirmed TEXT   NOT NULL DEFAULT '',
    cancel_requested  TEXT   NOT NULL DEFAULT '',
    state             TEXT   NOT NULL DEFAULT 'none' CHECK (state IN ('none', 'canceled', 'shipping', 'shipped', 'failed')),
    customer_email    TEXT   NOT NULL DEFAULT '',
    ship_to           TEXT   NOT NULL DEFAULT '',
    amount            BIGINT NOT NULL DEFAULT 0,
    currency          TEXT   NOT NULL DEFAULT '',
    tracking_number   TEXT   NOT NULL DEFAULT '',
    reason            TEXT   NOT NULL DEFAULT '',
    updated_at        TEXT   NOT NULL
);
