-- +goose Up

-- One row for each order that payment has heard of. The columns named after
-- facts hold the id of the event that told, or nothing. Amounts are in minor
-- units of the currency. There is no column for the payment token.
CREATE TABLE payments (
    order_id         TEXT   NOT NULL PRIMARY KEY,
    stock_confirmed  TEXT   NOT NULL DEFAULT '',
    cancel_requested TEXT   NOT NULL DEFAULT '',
    canceled         TEXT   NOT NULL DEFAULT '',
    delivery_failed  TEXT   NOT NULL DEFAULT '',
    charge           TEXT   NOT NULL DEFAULT 'none' CHECK (charge IN ('none', 'intended', 'captured', 'rejected')),
    amount           BIGINT NOT NULL DEFAULT 0,
    currency         TEXT   NOT NULL DEFAULT '',
    customer_email   TEXT   NOT NULL DEFAULT '',
    capture_id       TEXT   NOT NULL DEFAULT '',
    reason           TEXT   NOT NULL DEFAULT '',
    refund_id        TEXT   NOT NULL DEFAULT '',
    updated_at       TEXT   NOT NULL
);
