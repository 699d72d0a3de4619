-- Bitcoin deposit outputs that were announced: the script (hex) alone does not tell its terms.

CREATE TABLE intents (
    number     INTEGER PRIMARY KEY AUTOINCREMENT,
    script     TEXT    NOT NULL UNIQUE,
    terms      TEXT    NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
