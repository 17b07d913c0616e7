-- +goose Up

-- Everything the observer knows, by log time. Times are nanoseconds since
-- 1970-01-01 UTC, durations are nanoseconds; NULL is unknown, or never. The
-- views at the end show them as people read them. docs/reference/ledger.md
-- explains every column.

-- How far the log has been applied, and by which observer. One row.
CREATE TABLE log (
    id          INTEGER PRIMARY KEY CHECK (id = 1),
    log_id      TEXT    NOT NULL DEFAULT '',
    epoch       BIGINT  NOT NULL DEFAULT 0,
    next_offset BIGINT  NOT NULL DEFAULT 0,
    fingerprint BYTEA,
    tracker     BYTEA,
    metrics     BYTEA,
    next_row    BIGINT  NOT NULL DEFAULT 1
);

INSERT INTO log (id) VALUES (1);

CREATE TABLE contracts (
    hash         TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    name         TEXT COLLATE "C" NOT NULL,
    text         TEXT   NOT NULL,
    first_offset BIGINT NOT NULL
);

CREATE TABLE flows (
    choreography TEXT COLLATE "C" NOT NULL,
    id           TEXT COLLATE "C" NOT NULL,
    key          TEXT COLLATE "C" NOT NULL,
    rules        TEXT    NOT NULL,
    status       TEXT    NOT NULL,
    outcome      TEXT    NOT NULL,
    listed_at    BIGINT  NOT NULL,
    started_at   BIGINT,
    updated_at   BIGINT  NOT NULL,
    ended_at     BIGINT,
    first_offset BIGINT  NOT NULL,
    last_offset  BIGINT  NOT NULL,
    events       INTEGER NOT NULL,
    deviations   INTEGER NOT NULL,
    stalls       INTEGER NOT NULL,
    trace_id     TEXT    NOT NULL,
    reason       TEXT    NOT NULL,
    exact_names  BYTEA,
    state        BYTEA,
    forgotten_at BIGINT,
    PRIMARY KEY (choreography, id)
) WITH (fillfactor = 70);

CREATE INDEX flows_listed   ON flows (listed_at DESC, choreography, id);
CREATE INDEX flows_status   ON flows (choreography, status, listed_at DESC, id);
CREATE INDEX flows_any      ON flows (status, listed_at DESC, choreography, id);
CREATE INDEX flows_key      ON flows (key);
CREATE INDEX flows_id       ON flows (id);
CREATE INDEX flows_trace    ON flows (trace_id);
CREATE INDEX flows_live     ON flows (choreography, id) WHERE forgotten_at IS NULL;
CREATE INDEX flows_retained ON flows (forgotten_at) WHERE forgotten_at IS NOT NULL;

-- The traces of a flow beyond its first.
CREATE TABLE flow_traces (
    choreography TEXT COLLATE "C" NOT NULL,
    flow         TEXT COLLATE "C" NOT NULL,
    number       INTEGER NOT NULL,
    trace_id     TEXT    NOT NULL,
    PRIMARY KEY (choreography, flow, trace_id)
);

CREATE INDEX flow_traces_trace ON flow_traces (trace_id);

CREATE TABLE events (
    choreography TEXT COLLATE "C" NOT NULL,
    flow         TEXT COLLATE "C" NOT NULL,
    id           BIGINT  NOT NULL,
    number       INTEGER NOT NULL,
    event_id     TEXT    NOT NULL,
    type         TEXT    NOT NULL,
    source       TEXT    NOT NULL,
    version      TEXT    NOT NULL,
    time         BIGINT,
    trigger_time BIGINT,
    log_time     BIGINT,
    at           BIGINT,
    log_offset   BIGINT  NOT NULL,
    causation_id TEXT    NOT NULL,
    cause        INTEGER NOT NULL,
    inferred     BOOLEAN NOT NULL,
    trace_id     TEXT    NOT NULL,
    span_id      TEXT    NOT NULL,
    payload      TEXT,
    PRIMARY KEY (choreography, flow, id)
);

CREATE TABLE failures (
    id           BIGINT  NOT NULL PRIMARY KEY,
    choreography TEXT COLLATE "C" NOT NULL,
    flow         TEXT COLLATE "C" NOT NULL,
    kind         TEXT    NOT NULL,
    event_id     TEXT    NOT NULL,
    type         TEXT    NOT NULL,
    service      TEXT    NOT NULL,
    attempt      INTEGER NOT NULL,
    attempts     INTEGER NOT NULL,
    error        TEXT    NOT NULL,
    log_offset   BIGINT  NOT NULL,
    log_time     BIGINT
);

CREATE INDEX failures_flow  ON failures (choreography, flow);
CREATE INDEX failures_event ON failures (event_id);
CREATE INDEX failures_time  ON failures (log_time);

CREATE TABLE obligations (
    choreography  TEXT COLLATE "C" NOT NULL,
    flow          TEXT COLLATE "C" NOT NULL,
    number        INTEGER NOT NULL,
    step          TEXT    NOT NULL,
    service       TEXT    NOT NULL,
    on_type       TEXT    NOT NULL,
    trigger_event INTEGER NOT NULL,
    answers       TEXT    NOT NULL,
    owed_since    BIGINT,
    deadline      BIGINT,
    state         TEXT    NOT NULL,
    overdue_since BIGINT,
    cause         TEXT,
    certainty     TEXT,
    evidence      TEXT,
    paid_by       INTEGER NOT NULL,
    side          BOOLEAN NOT NULL,
    optional      BOOLEAN NOT NULL,
    PRIMARY KEY (choreography, flow, number)
);

CREATE INDEX obligations_open ON obligations (service, choreography, flow, cause) WHERE state = 'open';
CREATE INDEX obligations_cause ON obligations (cause, choreography, flow) WHERE state = 'open' AND cause IS NOT NULL;

CREATE TABLE deviations (
    choreography TEXT COLLATE "C" NOT NULL,
    flow         TEXT COLLATE "C" NOT NULL,
    id           BIGINT NOT NULL,
    kind         TEXT   NOT NULL,
    detail       TEXT   NOT NULL,
    log_offset   BIGINT NOT NULL,
    at           BIGINT,
    PRIMARY KEY (choreography, flow, id)
);

CREATE TABLE transitions (
    choreography TEXT COLLATE "C" NOT NULL,
    flow         TEXT COLLATE "C" NOT NULL,
    id           BIGINT  NOT NULL,
    kind         TEXT    NOT NULL,
    log_offset   BIGINT  NOT NULL,
    at           BIGINT,
    from_status  TEXT,
    to_status    TEXT,
    outcome      TEXT,
    again        BOOLEAN NOT NULL,
    clean        BOOLEAN NOT NULL,
    obligation   INTEGER,
    step         TEXT,
    service      TEXT,
    on_type      TEXT,
    owed_since   BIGINT,
    deadline     BIGINT,
    cause        TEXT,
    certainty    TEXT,
    evidence     TEXT,
    late         BOOLEAN NOT NULL,
    duration     BIGINT,
    deviation    TEXT,
    detail       TEXT,
    PRIMARY KEY (choreography, flow, id)
);

CREATE INDEX transitions_steps ON transitions (choreography, at, kind, step, service, duration) WHERE kind IN ('paid', 'overdue');

CREATE TABLE markers (
    id           BIGINT NOT NULL PRIMARY KEY,
    choreography TEXT COLLATE "C" NOT NULL,
    flow         TEXT COLLATE "C" NOT NULL,
    kind         TEXT   NOT NULL,
    data         BYTEA  NOT NULL,
    log_offset   BIGINT NOT NULL,
    exported_at  BIGINT
);

CREATE INDEX markers_pending  ON markers (id)          WHERE exported_at IS NULL;
CREATE INDEX markers_exported ON markers (exported_at) WHERE exported_at IS NOT NULL;
CREATE INDEX markers_flow     ON markers (choreography, flow);

-- What people did.
CREATE TABLE audit (
    id           BIGINT NOT NULL PRIMARY KEY,
    at           BIGINT,
    action       TEXT   NOT NULL,
    actor        TEXT   NOT NULL,
    choreography TEXT COLLATE "C" NOT NULL,
    flow         TEXT COLLATE "C" NOT NULL,
    service      TEXT   NOT NULL,
    event_id     TEXT   NOT NULL,
    reason       TEXT   NOT NULL,
    log_offset   BIGINT
);

CREATE INDEX audit_flow ON audit (choreography, flow);

-- The same for people and dashboards: times as times, durations in milliseconds.

CREATE VIEW flow_view AS SELECT
    choreography,
    id,
    key,
    status,
    outcome,
    timestamptz 'epoch' + listed_at / 1000 * interval '1 microsecond' AS listed_at,
    timestamptz 'epoch' + started_at / 1000 * interval '1 microsecond' AS started_at,
    timestamptz 'epoch' + updated_at / 1000 * interval '1 microsecond' AS updated_at,
    timestamptz 'epoch' + ended_at / 1000 * interval '1 microsecond' AS ended_at,
    (ended_at-started_at) / 1000000.0 AS duration_ms,
    first_offset,
    last_offset,
    events,
    deviations,
    stalls,
    trace_id,
    reason,
    rules
FROM flows;

CREATE VIEW event_view AS SELECT
    choreography,
    flow,
    id,
    number,
    event_id,
    type,
    source,
    version,
    timestamptz 'epoch' + time / 1000 * interval '1 microsecond' AS time,
    timestamptz 'epoch' + trigger_time / 1000 * interval '1 microsecond' AS trigger_time,
    timestamptz 'epoch' + log_time / 1000 * interval '1 microsecond' AS log_time,
    timestamptz 'epoch' + at / 1000 * interval '1 microsecond' AS at,
    log_offset,
    causation_id,
    cause,
    inferred,
    trace_id,
    span_id,
    payload
FROM events;

CREATE VIEW failure_view AS SELECT
    id,
    choreography,
    flow,
    kind,
    event_id,
    type,
    service,
    attempt,
    attempts,
    error,
    log_offset,
    timestamptz 'epoch' + log_time / 1000 * interval '1 microsecond' AS log_time
FROM failures;

CREATE VIEW obligation_view AS SELECT
    choreography,
    flow,
    number,
    step,
    service,
    on_type,
    trigger_event,
    answers,
    timestamptz 'epoch' + owed_since / 1000 * interval '1 microsecond' AS owed_since,
    timestamptz 'epoch' + deadline / 1000 * interval '1 microsecond' AS deadline,
    state,
    timestamptz 'epoch' + overdue_since / 1000 * interval '1 microsecond' AS overdue_since,
    cause,
    certainty,
    evidence,
    paid_by,
    side,
    optional
FROM obligations;

CREATE VIEW deviation_view AS SELECT
    choreography,
    flow,
    id,
    kind,
    detail,
    log_offset,
    timestamptz 'epoch' + at / 1000 * interval '1 microsecond' AS at
FROM deviations;

CREATE VIEW transition_view AS SELECT
    choreography,
    flow,
    id,
    kind,
    log_offset,
    timestamptz 'epoch' + at / 1000 * interval '1 microsecond' AS at,
    from_status,
    to_status,
    outcome,
    again,
    clean,
    obligation,
    step,
    service,
    on_type,
    timestamptz 'epoch' + owed_since / 1000 * interval '1 microsecond' AS owed_since,
    timestamptz 'epoch' + deadline / 1000 * interval '1 microsecond' AS deadline,
    cause,
    certainty,
    evidence,
    late,
    duration / 1000000.0 AS duration_ms,
    deviation,
    detail
FROM transitions;

CREATE VIEW marker_view AS SELECT
    id,
    choreography,
    flow,
    kind,
    log_offset,
    timestamptz 'epoch' + exported_at / 1000 * interval '1 microsecond' AS exported_at
FROM markers;

CREATE VIEW audit_view AS SELECT
    id,
    timestamptz 'epoch' + at / 1000 * interval '1 microsecond' AS at,
    action,
    actor,
    choreography,
    flow,
    service,
    event_id,
    reason,
    log_offset
FROM audit;

-- +goose Down
DROP VIEW audit_view;
DROP VIEW marker_view;
DROP VIEW transition_view;
DROP VIEW deviation_view;
DROP VIEW obligation_view;
DROP VIEW failure_view;
DROP VIEW event_view;
DROP VIEW flow_view;
DROP TABLE audit;
DROP TABLE markers;
DROP TABLE transitions;
DROP TABLE deviations;
DROP TABLE obligations;
DROP TABLE failures;
DROP TABLE events;
DROP TABLE flow_traces;
DROP TABLE flows;
DROP TABLE contracts;
DROP TABLE log;
