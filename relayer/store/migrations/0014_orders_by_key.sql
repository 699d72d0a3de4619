-- The orders of a key, newest first.
CREATE INDEX orders_by_key ON orders (api_key);
