-- What sentinels see as it stands, told over and over by the process that they are in: no log. Bodies JSON.
CREATE TABLE watches (
    sentinels TEXT PRIMARY KEY,
    body      TEXT NOT NULL
) STRICT;
