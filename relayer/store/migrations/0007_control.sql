-- What guardians ordered, and the audit log: every human act and every risk decision, each row bound to the one before
-- it. hash = SHA-256(previous ‖ sequence ‖ at ‖ length of kind ‖ kind ‖ body), integers as 8 bytes, big end first.

CREATE TABLE control_events (
    sequence INTEGER PRIMARY KEY,
    kind     TEXT    NOT NULL,
    body     TEXT    NOT NULL,
    at       INTEGER NOT NULL
) STRICT;

CREATE TRIGGER control_events_follow BEFORE INSERT ON control_events
WHEN NEW.sequence <> (SELECT coalesce(max(sequence) + 1, 0) FROM control_events)
BEGIN
    SELECT raise(ABORT, 'control_events is append-only: the sequence has no gaps and no overwrites');
END;

CREATE TRIGGER control_events_stay BEFORE UPDATE ON control_events
BEGIN
    SELECT raise(ABORT, 'control_events is append-only');
END;

CREATE TRIGGER control_events_remain BEFORE DELETE ON control_events
BEGIN
    SELECT raise(ABORT, 'control_events is append-only');
END;

CREATE TABLE audit (
    sequence INTEGER PRIMARY KEY,
    at       INTEGER NOT NULL,
    kind     TEXT    NOT NULL,
    body     TEXT    NOT NULL,
    previous TEXT    NOT NULL,
    hash     TEXT    NOT NULL
) STRICT;

CREATE TRIGGER audit_follow BEFORE INSERT ON audit
WHEN NEW.sequence <> (SELECT coalesce(max(sequence) + 1, 0) FROM audit)
    OR NEW.previous <> coalesce((SELECT hash FROM audit WHERE sequence = NEW.sequence - 1),
                                '0x0000000000000000000000000000000000000000000000000000000000000000')
BEGIN
    SELECT raise(ABORT, 'audit is append-only: each row follows the last');
END;

CREATE TRIGGER audit_stay BEFORE UPDATE ON audit
BEGIN
    SELECT raise(ABORT, 'audit is append-only');
END;

CREATE TRIGGER audit_remain BEFORE DELETE ON audit
BEGIN
    SELECT raise(ABORT, 'audit is append-only');
END;
