-- Where users of the transfer API are told of their transfers. No secret is here: it is derived from id, generation and a
-- key that is kept elsewhere. A place is a row of `transfer_events`, which has no gaps and is never deleted from.

CREATE TABLE webhooks (
    number     INTEGER PRIMARY KEY AUTOINCREMENT,
    id         TEXT    NOT NULL UNIQUE,
    api_key    TEXT    NOT NULL,
    url        TEXT    NOT NULL,
    generation INTEGER NOT NULL DEFAULT 0 CHECK (generation >= 0),
    rotated_at INTEGER,
    after      INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    deleted_at INTEGER
) STRICT;

CREATE INDEX webhooks_by_key ON webhooks (api_key, number) WHERE deleted_at IS NULL;

CREATE TRIGGER webhooks_stay BEFORE UPDATE OF number, id, api_key, url, after, created_at ON webhooks
BEGIN
    SELECT raise(ABORT, 'webhooks: what was registered stays');
END;

CREATE TRIGGER webhooks_deleted_stay BEFORE UPDATE ON webhooks WHEN OLD.deleted_at IS NOT NULL
BEGIN
    SELECT raise(ABORT, 'webhooks: deleted is deleted');
END;

-- What is to be sent, with its exact body. `due_at` of one that is being sent is the end of its lease.
CREATE TABLE webhook_deliveries (
    number     INTEGER PRIMARY KEY AUTOINCREMENT,
    id         TEXT    NOT NULL UNIQUE,
    webhook    TEXT    NOT NULL REFERENCES webhooks (id),
    event      TEXT    NOT NULL,
    body       TEXT    NOT NULL,
    status     TEXT    NOT NULL CHECK (status IN ('waiting', 'delivered', 'dead')),
    attempt    INTEGER NOT NULL DEFAULT 0 CHECK (attempt >= 0),
    due_at     INTEGER NOT NULL,
    last_error TEXT,
    created_at INTEGER NOT NULL
) STRICT;

CREATE INDEX webhook_deliveries_waiting ON webhook_deliveries (webhook, number) WHERE status = 'waiting';
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (due_at) WHERE status = 'waiting';
CREATE INDEX webhook_deliveries_ended ON webhook_deliveries (webhook, number) WHERE status <> 'waiting';

CREATE TRIGGER webhook_deliveries_stay BEFORE UPDATE OF number, id, webhook, event, body, created_at ON webhook_deliveries
BEGIN
    SELECT raise(ABORT, 'webhook_deliveries: what is sent stays');
END;

-- Up to which place the events were made into deliveries.
CREATE TABLE webhook_cursor (
    one   INTEGER PRIMARY KEY CHECK (one = 1),
    place INTEGER NOT NULL
) STRICT;

INSERT INTO webhook_cursor (one, place) SELECT 1, coalesce(max(rowid), 0) FROM transfer_events;
