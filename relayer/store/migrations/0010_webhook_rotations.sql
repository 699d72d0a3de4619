-- Under which key each rotation of a webhook's secret was asked for: asking again for the same one rotates nothing.
CREATE TABLE webhook_rotations (
    api_key    TEXT    NOT NULL,
    key        TEXT    NOT NULL,
    webhook    TEXT    NOT NULL REFERENCES webhooks (id),
    generation INTEGER NOT NULL CHECK (generation > 0),
    PRIMARY KEY (api_key, key)
) STRICT;

CREATE INDEX webhook_rotations_by_webhook ON webhook_rotations (webhook);

CREATE TRIGGER webhook_rotations_stay BEFORE UPDATE ON webhook_rotations
BEGIN
    SELECT raise(ABORT, 'webhook_rotations: what was asked for stays');
END;
