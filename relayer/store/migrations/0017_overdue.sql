-- Since when an effect does not work: from the first failure on, until it works or is not wanted now.
ALTER TABLE outbox ADD COLUMN overdue_since INTEGER;
