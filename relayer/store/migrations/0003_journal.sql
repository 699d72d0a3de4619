-- What was sent, under which nonce, before it was sent. Only `state`, `outcome` and `live` ever change.

CREATE TABLE txs (
    number      INTEGER PRIMARY KEY AUTOINCREMENT,
    chain       TEXT    NOT NULL,
    signer      TEXT    NOT NULL,
    nonce       INTEGER NOT NULL CHECK (nonce >= 0),
    contract    TEXT    NOT NULL,
    input       TEXT    NOT NULL,
    gas_limit   INTEGER NOT NULL,
    chain_nonce INTEGER NOT NULL,
    outcome     TEXT    NOT NULL CHECK (outcome IN ('open', 'succeeded', 'failed')),
    state       TEXT    NOT NULL,
    created_at  INTEGER NOT NULL,
    UNIQUE (chain, signer, nonce)
) STRICT;

CREATE INDEX txs_open ON txs (chain, signer, nonce) WHERE outcome = 'open';

CREATE TRIGGER txs_follow BEFORE INSERT ON txs
WHEN EXISTS (
    SELECT 1 FROM txs
    WHERE number = NEW.number OR (chain = NEW.chain AND signer = NEW.signer AND nonce = NEW.nonce)
)
BEGIN
    SELECT raise(ABORT, 'txs: what was assigned stays');
END;

CREATE TRIGGER txs_stay
BEFORE UPDATE OF number, chain, signer, nonce, contract, input, gas_limit, chain_nonce, created_at ON txs
BEGIN
    SELECT raise(ABORT, 'txs: what was assigned stays');
END;

CREATE TRIGGER txs_final_stays BEFORE UPDATE ON txs WHEN OLD.outcome <> 'open'
BEGIN
    SELECT raise(ABORT, 'txs: final is final');
END;

CREATE TRIGGER txs_remain BEFORE DELETE ON txs
BEGIN
    SELECT raise(ABORT, 'txs: a nonce is never forgotten');
END;

CREATE TABLE tx_effects (
    tx        INTEGER NOT NULL REFERENCES txs (number),
    position  INTEGER NOT NULL,
    effect_id TEXT    NOT NULL,
    live      INTEGER NOT NULL CHECK (live IN (0, 1)),
    PRIMARY KEY (tx, position)
) STRICT;

-- Live: in an open or successfully final transaction. No effect is in two of those.
CREATE UNIQUE INDEX tx_effects_live ON tx_effects (effect_id) WHERE live = 1;
CREATE INDEX tx_effects_by_effect ON tx_effects (effect_id, tx);

CREATE TRIGGER tx_effects_follow BEFORE INSERT ON tx_effects
WHEN EXISTS (
    SELECT 1 FROM tx_effects
    WHERE rowid = NEW.rowid OR (tx = NEW.tx AND position = NEW.position) OR (effect_id = NEW.effect_id AND live = 1)
)
BEGIN
    SELECT raise(ABORT, 'tx_effects: what a transaction carries stays');
END;

CREATE TRIGGER tx_effects_stay BEFORE UPDATE ON tx_effects
WHEN NEW.tx <> OLD.tx OR NEW.position <> OLD.position OR NEW.effect_id <> OLD.effect_id OR NEW.live > OLD.live
BEGIN
    SELECT raise(ABORT, 'tx_effects: what a transaction carries stays');
END;

CREATE TRIGGER tx_effects_remain BEFORE DELETE ON tx_effects
BEGIN
    SELECT raise(ABORT, 'tx_effects: rows are kept');
END;

CREATE TABLE tx_attempts (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    tx     INTEGER NOT NULL REFERENCES txs (number),
    hash   TEXT    NOT NULL UNIQUE,
    body   TEXT    NOT NULL
) STRICT;

CREATE INDEX tx_attempts_by_tx ON tx_attempts (tx, number);

CREATE TRIGGER tx_attempts_follow BEFORE INSERT ON tx_attempts
WHEN EXISTS (SELECT 1 FROM tx_attempts WHERE hash = NEW.hash OR number = NEW.number)
BEGIN
    SELECT raise(ABORT, 'tx_attempts is append-only');
END;

CREATE TRIGGER tx_attempts_stay BEFORE UPDATE ON tx_attempts
BEGIN
    SELECT raise(ABORT, 'tx_attempts is append-only');
END;

CREATE TRIGGER tx_attempts_remain BEFORE DELETE ON tx_attempts
BEGIN
    SELECT raise(ABORT, 'tx_attempts is append-only');
END;
