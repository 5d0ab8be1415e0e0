-- Announced changes of key and parameters, as they were signed; those of a subnet are numbered from 0.
CREATE TABLE rotation_announcements (
    netuid INTEGER NOT NULL,
    position INTEGER NOT NULL,
    announcement TEXT NOT NULL,
    PRIMARY KEY (netuid, position)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER rotation_announcements_are_append_only BEFORE UPDATE ON rotation_announcements
BEGIN
    SELECT raise(ABORT, 'rotation_announcements is append-only');
END;

-- One more kind of entry. SQLite cannot change a check, so the table is made again with what is in it.
DROP TRIGGER audit_is_append_only;
CREATE TABLE audit_kept AS SELECT * FROM audit;
DROP TABLE audit;

CREATE TABLE audit (
    position INTEGER NOT NULL PRIMARY KEY,
    at INTEGER NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('grant', 'refusal', 'deal', 'status', 'rotation')),
    code TEXT NOT NULL,
    hotkey BLOB CHECK (length(hotkey) = 32),
    proved INTEGER NOT NULL CHECK (proved IN (0, 1)),
    subject TEXT,
    request_id TEXT,
    address TEXT,
    times INTEGER NOT NULL CHECK (times > 0)
) STRICT;

INSERT INTO audit (position, at, kind, code, hotkey, proved, subject, request_id, address, times)
SELECT position, at, kind, code, hotkey, proved, subject, request_id, address, times FROM audit_kept;
DROP TABLE audit_kept;

CREATE INDEX audit_at ON audit (at);

CREATE TRIGGER audit_is_append_only BEFORE UPDATE ON audit
BEGIN
    SELECT raise(ABORT, 'audit is append-only');
END;
