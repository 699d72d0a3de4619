-- The deposits of an order are found by what their links are made of first of all; many orders of one second share an expiry.
DROP INDEX transfers_by_expiry;
CREATE INDEX transfers_by_order ON transfers
    (source_chain, json_extract(body, '$.deposit.expiry'), json_extract(body, '$.deposit.recipient'));
