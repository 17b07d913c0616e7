-- +goose Up
CREATE TABLE stock (
    sku       TEXT   NOT NULL PRIMARY KEY,
    initial   BIGINT NOT NULL CHECK (initial >= 0),
    available BIGINT NOT NULL CHECK (available >= 0 AND available <= initial)
);

-- One row for each order that inventory has heard of. The columns named after
-- facts hold the id of the event that told, or nothing.
CREATE TABLE reservations (
    order_id         TEXT NOT NULL PRIMARY KEY,
    placed           TEXT NOT NULL DEFAULT '',
    cancel_requested TEXT NOT NULL DEFAULT '',
    payment_rejected TEXT NOT NULL DEFAULT '',
    canceled         TEXT NOT NULL DEFAULT '',
    delivery_failed  TEXT NOT NULL DEFAULT '',
    state            TEXT NOT NULL DEFAULT 'none' CHECK (state IN ('none', 'held', 'rejected', 'returned')),
    customer_email   TEXT NOT NULL DEFAULT '',
    reason           TEXT NOT NULL DEFAULT '',
    updated_at       TEXT NOT NULL
);

-- What was reserved, line by line as the order had it.
CREATE TABLE reservation_items (
    order_id   TEXT   NOT NULL REFERENCES reservations (order_id),
    line       BIGINT NOT NULL,
    sku        TEXT   NOT NULL,
    quantity   BIGINT NOT NULL CHECK (quantity > 0),
    unit_price BIGINT NOT NULL,
    PRIMARY KEY (order_id, line)
);
