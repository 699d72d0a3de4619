-- Announced deposits are looked up by what a deposit tells of its terms. An expiry beyond what fits is as good as none.
ALTER TABLE intents ADD COLUMN expiry INTEGER;
ALTER TABLE intents ADD COLUMN recipient TEXT;

UPDATE intents SET expiry = CAST(json_extract(terms, '$.expiry') AS INTEGER), recipient = json_extract(terms, '$.recipient')
WHERE json_valid(terms);

CREATE INDEX intents_by_terms ON intents (recipient, expiry);
