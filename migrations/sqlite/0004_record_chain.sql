-- The hash of the record before, which makes the records of a subnet a chain. Records from before this migration, and
-- those that were written after a later one, have none.
ALTER TABLE epochs ADD COLUMN prev_sha256 BLOB CHECK (length(prev_sha256) = 32);
