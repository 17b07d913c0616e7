-- +goose Up

-- One row for each event that a mail is written about.
CREATE TABLE mails (
    event_source TEXT NOT NULL,
    event_id     TEXT NOT NULL,
    about        TEXT NOT NULL,
    order_id     TEXT NOT NULL,
    recipient    TEXT NOT NULL,
    -- It follows from the key. A constraint of its own would fail one of two
    -- processes that save the same intent at once: ON CONFLICT names one index.
    mail_id      TEXT NOT NULL,
    state        TEXT NOT NULL CHECK (state IN ('intended', 'sent')),
    updated_at   TEXT NOT NULL,
    PRIMARY KEY (event_source, event_id)
);

CREATE INDEX mails_by_order ON mails (order_id);
