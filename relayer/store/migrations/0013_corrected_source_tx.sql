-- How often the user named another source transaction than before: what was named before stands in the audit log.
ALTER TABLE orders ADD COLUMN corrections INTEGER NOT NULL DEFAULT 0;
