-- Effects to be carried out. A row is due when it waits and `run_at` has come, or when its lease has run out: one
-- column orders both, so that an effect whose executor keeps dying queues behind those that became due before.

CREATE TABLE outbox (
    number      INTEGER PRIMARY KEY AUTOINCREMENT,
    effect_id   TEXT    NOT NULL UNIQUE,
    deposit_id  TEXT    NOT NULL,
    executor    TEXT    NOT NULL,
    step        TEXT    NOT NULL,
    body        TEXT    NOT NULL,
    status      TEXT    NOT NULL CHECK (status IN ('waiting', 'leased', 'done')),
    attempt     INTEGER NOT NULL CHECK (attempt >= 0),
    run_at      INTEGER NOT NULL,
    lease_until INTEGER,
    due_at      INTEGER GENERATED ALWAYS AS (CASE status WHEN 'leased' THEN lease_until ELSE run_at END) VIRTUAL,
    last_error  TEXT,
    CHECK ((status = 'leased') = (lease_until IS NOT NULL))
) STRICT;

CREATE INDEX outbox_due ON outbox (executor, due_at, number) WHERE status <> 'done';
CREATE INDEX outbox_by_deposit ON outbox (deposit_id);

-- Inserting an id that is there changes nothing, not even by INSERT OR REPLACE.
CREATE TRIGGER outbox_ids_stay BEFORE INSERT ON outbox
WHEN EXISTS (SELECT 1 FROM outbox WHERE effect_id = NEW.effect_id OR number = NEW.number)
BEGIN
    SELECT raise(IGNORE);
END;

CREATE TRIGGER outbox_done_stays BEFORE UPDATE ON outbox WHEN OLD.status = 'done'
BEGIN
    SELECT raise(ABORT, 'outbox: what is done stays done');
END;

CREATE TRIGGER outbox_remains BEFORE DELETE ON outbox
BEGIN
    SELECT raise(ABORT, 'outbox: rows are kept, a derived id must not run twice');
END;
