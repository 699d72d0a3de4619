-- The key that signs quotes, made once: a quote holds after a restart, and in every process on this ledger.
CREATE TABLE quote_key (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    key BLOB    NOT NULL CHECK (length(key) = 32)
) STRICT;

CREATE TRIGGER quote_key_stays BEFORE UPDATE ON quote_key
BEGIN
    SELECT raise(ABORT, 'quote_key: what signed stays');
END;

CREATE TRIGGER quote_key_remains BEFORE DELETE ON quote_key
BEGIN
    SELECT raise(ABORT, 'quote_key: what signed stays');
END;
