-- Of the rotation key over the record of the epoch. Records from before this migration, and those of a replica without the
-- key, have none.
ALTER TABLE epochs ADD COLUMN record_signature bytea CHECK (length(record_signature) = 64);
