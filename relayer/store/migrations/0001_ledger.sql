-- The ledger proper. Ids are 0x-hex, times Unix seconds, bodies JSON. `transfers` is the fold of `transfer_events`.

CREATE TABLE transfers (
    number            INTEGER PRIMARY KEY AUTOINCREMENT,
    id                TEXT    NOT NULL UNIQUE,
    source_chain      TEXT    NOT NULL,
    destination_chain TEXT    NOT NULL,
    status            TEXT    NOT NULL,
    standing          TEXT    NOT NULL,
    is_open           INTEGER NOT NULL CHECK (is_open IN (0, 1)),
    sequence          INTEGER NOT NULL CHECK (sequence > 0),
    body              TEXT    NOT NULL,
    created_at        INTEGER NOT NULL,
    updated_at        INTEGER NOT NULL
) STRICT;

CREATE INDEX transfers_by_source ON transfers (source_chain, created_at, number);
CREATE INDEX transfers_by_age ON transfers (created_at, number);
CREATE INDEX transfers_open ON transfers (created_at, number) WHERE is_open = 1;
CREATE INDEX transfers_open_by_source ON transfers (source_chain, created_at, number) WHERE is_open = 1;
CREATE INDEX transfers_by_status ON transfers (status);

CREATE TRIGGER transfers_remain BEFORE DELETE ON transfers
BEGIN
    SELECT raise(ABORT, 'transfers: no transfer is forgotten');
END;

CREATE TABLE transfer_events (
    deposit_id TEXT    NOT NULL REFERENCES transfers (id),
    sequence   INTEGER NOT NULL,
    kind       TEXT    NOT NULL,
    body       TEXT    NOT NULL,
    at         INTEGER NOT NULL,
    UNIQUE (deposit_id, sequence)
) STRICT;

-- BEFORE INSERT, because INSERT OR REPLACE removes a row (found by key or by rowid) without firing its DELETE trigger.
CREATE TRIGGER transfer_events_follow BEFORE INSERT ON transfer_events
WHEN NEW.sequence <> (SELECT coalesce(max(sequence) + 1, 0) FROM transfer_events WHERE deposit_id = NEW.deposit_id)
    OR EXISTS (SELECT 1 FROM transfer_events WHERE rowid = NEW.rowid)
BEGIN
    SELECT raise(ABORT, 'transfer_events is append-only: the sequence has no gaps and no overwrites');
END;

CREATE TRIGGER transfer_events_stay BEFORE UPDATE ON transfer_events
BEGIN
    SELECT raise(ABORT, 'transfer_events is append-only');
END;

CREATE TRIGGER transfer_events_remain BEFORE DELETE ON transfer_events
BEGIN
    SELECT raise(ABORT, 'transfer_events is append-only');
END;

CREATE TABLE risk_events (
    sequence INTEGER PRIMARY KEY,
    kind     TEXT    NOT NULL,
    body     TEXT    NOT NULL,
    at       INTEGER NOT NULL
) STRICT;

CREATE TRIGGER risk_events_follow BEFORE INSERT ON risk_events
WHEN NEW.sequence <> (SELECT coalesce(max(sequence) + 1, 0) FROM risk_events)
BEGIN
    SELECT raise(ABORT, 'risk_events is append-only: the sequence has no gaps and no overwrites');
END;

CREATE TRIGGER risk_events_stay BEFORE UPDATE ON risk_events
BEGIN
    SELECT raise(ABORT, 'risk_events is append-only');
END;

CREATE TRIGGER risk_events_remain BEFORE DELETE ON risk_events
BEGIN
    SELECT raise(ABORT, 'risk_events is append-only');
END;

CREATE TABLE cursors (
    chain      TEXT    PRIMARY KEY,
    body       TEXT    NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;

-- Halts and their acknowledgements; a chain's last row says whether it is halted.
CREATE TABLE halts (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    chain  TEXT    NOT NULL,
    body   TEXT    NOT NULL,
    at     INTEGER NOT NULL
) STRICT;

CREATE INDEX halts_by_chain ON halts (chain, number);

CREATE TRIGGER halts_follow BEFORE INSERT ON halts
WHEN EXISTS (SELECT 1 FROM halts WHERE number = NEW.number)
BEGIN
    SELECT raise(ABORT, 'halts is append-only');
END;

CREATE TRIGGER halts_stay BEFORE UPDATE ON halts
BEGIN
    SELECT raise(ABORT, 'halts is append-only');
END;

CREATE TRIGGER halts_remain BEFORE DELETE ON halts
BEGIN
    SELECT raise(ABORT, 'halts is append-only');
END;
