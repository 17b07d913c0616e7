-- +goose Up

-- One row for each event that a mail is written about.
CREATE TABLE mails (
    event_source TEXT NOT NULL,
    event_id     TEXT NOT NULL,
    about        TEXT NOT NULL,
    order_id     TEXT NOT NULL,
    recipient    TEXT NOT NULL,
    mail_id      TEXT NOT NULL UNIQUE,
    state        TEXT NOT NULL CHECK (state IN ('intended', 'sent')),
    updated_at   TEXT NOT NULL,
    PRIMARY KEY (event_source, event_id)
);

CREATE INDEX mails_by_order ON mails (order_id);
