-- What users of the transfer API asked for, before a deposit exists. A deposit is an order's when their links are equal.

CREATE TABLE orders (
    number     INTEGER PRIMARY KEY AUTOINCREMENT,
    id         TEXT    NOT NULL UNIQUE,
    link       TEXT    NOT NULL UNIQUE,
    terms      TEXT    NOT NULL,
    api_key    TEXT    NOT NULL,
    source_tx  TEXT,
    cancelled  INTEGER NOT NULL DEFAULT 0 CHECK (cancelled IN (0, 1)),
    created_at INTEGER NOT NULL
) STRICT;

CREATE TRIGGER orders_stay BEFORE UPDATE OF number, id, link, terms, api_key, created_at ON orders
BEGIN
    SELECT raise(ABORT, 'orders: what was ordered stays');
END;

CREATE TRIGGER orders_cancelled_stay BEFORE UPDATE OF cancelled ON orders WHEN OLD.cancelled = 1
BEGIN
    SELECT raise(ABORT, 'orders: cancelled is cancelled');
END;

CREATE TRIGGER orders_remain BEFORE DELETE ON orders
BEGIN
    SELECT raise(ABORT, 'orders: rows are kept');
END;

-- One order for each idempotency key of an API key, and what was asked for with it.
CREATE TABLE idempotency (
    api_key      TEXT    NOT NULL,
    key          TEXT    NOT NULL,
    request_hash TEXT    NOT NULL,
    order_id     TEXT    NOT NULL REFERENCES orders (id),
    created_at   INTEGER NOT NULL,
    PRIMARY KEY (api_key, key)
) STRICT;

-- Only a hash of the secret is kept.
CREATE TABLE api_keys (
    id          TEXT    PRIMARY KEY,
    name        TEXT    NOT NULL,
    secret_hash TEXT    NOT NULL,
    body        TEXT    NOT NULL,
    created_at  INTEGER NOT NULL,
    revoked_at  INTEGER
) STRICT;

CREATE TRIGGER api_keys_revoked_stay BEFORE UPDATE ON api_keys WHEN OLD.revoked_at IS NOT NULL
BEGIN
    SELECT raise(ABORT, 'api_keys: revoked is revoked');
END;

-- How the transfer API finds transfers.
CREATE INDEX transfers_by_expiry ON transfers (source_chain, json_extract(body, '$.deposit.expiry'));
CREATE INDEX transfers_by_sender ON transfers (json_extract(body, '$.deposit.sender'), number);
CREATE INDEX transfers_by_source_tx
    ON transfers (coalesce(json_extract(body, '$.standing.seen.transaction'), json_extract(body, '$.standing.was.transaction')));
