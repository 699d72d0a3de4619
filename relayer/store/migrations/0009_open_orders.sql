-- Who holds orders of keys that users got by themselves, until they expire: addresses are kept no longer.
CREATE TABLE open_orders (
    order_id     TEXT    PRIMARY KEY REFERENCES orders (id),
    holder       TEXT    NOT NULL,
    source_chain TEXT    NOT NULL,
    expiry       INTEGER NOT NULL,
    recipient    TEXT    NOT NULL
) STRICT;

CREATE INDEX open_orders_by_holder ON open_orders (holder, expiry);
CREATE INDEX open_orders_by_expiry ON open_orders (expiry);
