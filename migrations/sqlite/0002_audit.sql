-- What was granted, refused, dealt and reported. One row may stand for several equal refusals.
CREATE TABLE audit (
    position INTEGER NOT NULL PRIMARY KEY,
    at INTEGER NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('grant', 'refusal', 'deal', 'status')),
    code TEXT NOT NULL,
    hotkey BLOB CHECK (length(hotkey) = 32),
    proved INTEGER NOT NULL CHECK (proved IN (0, 1)),
    subject TEXT,
    request_id TEXT,
    address TEXT,
    times INTEGER NOT NULL CHECK (times > 0)
) STRICT;

-- Only by time, although it is read by hotkey too: an index on hotkeys would have each row of a commit write a page of
-- its own.
CREATE INDEX audit_at ON audit (at);

CREATE TRIGGER audit_is_append_only BEFORE UPDATE ON audit
BEGIN
    SELECT raise(ABORT, 'audit is append-only');
END;

-- The changes of status of one commit are one row, as the JSON list that they came in: a row each would cost as much as
-- the reports themselves. `at` is the latest.
CREATE TABLE audit_of_reports (
    position INTEGER NOT NULL PRIMARY KEY,
    at INTEGER NOT NULL,
    entries TEXT NOT NULL
) STRICT;

CREATE INDEX audit_of_reports_at ON audit_of_reports (at);

CREATE TRIGGER audit_of_reports_is_append_only BEFORE UPDATE ON audit_of_reports
BEGIN
    SELECT raise(ABORT, 'audit is append-only');
END;

-- Rows of audit as one JSON list.
CREATE VIEW audit_groups AS SELECT NULL AS entries WHERE false;

CREATE TRIGGER audit_groups_insert INSTEAD OF INSERT ON audit_groups
BEGIN
    INSERT INTO audit (at, kind, code, hotkey, proved, subject, request_id, address, times)
    SELECT value ->> 0, value ->> 1, value ->> 2, unhex(value ->> 3), value ->> 4, value ->> 5, value ->> 6,
        value ->> 7, value ->> 8
    FROM jsonb_each(NEW.entries);
END;

-- What a group of grants consumes, with its rows of audit, in one statement: it fails as a whole where a signature was
-- used.
CREATE VIEW grant_groups AS SELECT NULL AS signatures, NULL AS audit WHERE false;

CREATE TRIGGER grant_groups_insert INSTEAD OF INSERT ON grant_groups
BEGIN
    INSERT INTO used_signatures (remember_until, signature)
    SELECT value ->> 0, unhex(value ->> 1) FROM jsonb_each(NEW.signatures);

    INSERT INTO audit_groups (entries) VALUES (NEW.audit);
END;

-- As before, and the rows of audit with it.
DROP VIEW report_groups;

CREATE VIEW report_groups AS
SELECT NULL AS assignments, NULL AS openings, NULL AS totals, NULL AS validators, NULL AS audit WHERE false;

CREATE TRIGGER report_groups_insert INSTEAD OF INSERT ON report_groups
BEGIN
    INSERT INTO assignments (hotkey, assignment_id, status, late, epoch, opened_in, report,
        first_reported_at, updated_at, revision)
    SELECT unhex(value ->> 0), value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6,
        value ->> 7, value ->> 8, value ->> 9
    FROM jsonb_each(NEW.assignments) WHERE true
    ON CONFLICT (assignment_id, hotkey) DO UPDATE SET
        status = excluded.status, late = excluded.late, epoch = excluded.epoch, report = excluded.report,
        updated_at = excluded.updated_at,
        revision = CASE excluded.revision WHEN revision + 1 THEN excluded.revision END;

    INSERT INTO openings (opened_in, hotkey, opened)
    SELECT value ->> 0, unhex(value ->> 1), value ->> 2 FROM jsonb_each(NEW.openings) WHERE true
    ON CONFLICT (opened_in, hotkey) DO UPDATE SET opened = opened + excluded.opened;

    INSERT INTO epoch_totals (epoch, started, completed, failed, expired, success_sum, success_count,
        last_at, last_assignment_id, last_status)
    SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6,
        value ->> 7, value ->> 8, value ->> 9
    FROM jsonb_each(NEW.totals) WHERE true
    ON CONFLICT (epoch) DO UPDATE SET
        started = started + excluded.started, completed = completed + excluded.completed,
        failed = failed + excluded.failed, expired = expired + excluded.expired,
        success_sum = success_sum + excluded.success_sum,
        success_count = success_count + excluded.success_count,
        last_at = CASE WHEN excluded.last_at >= coalesce(last_at, excluded.last_at)
            THEN excluded.last_at ELSE last_at END,
        last_assignment_id = CASE WHEN excluded.last_at >= coalesce(last_at, excluded.last_at)
            THEN excluded.last_assignment_id ELSE last_assignment_id END,
        last_status = CASE WHEN excluded.last_at >= coalesce(last_at, excluded.last_at)
            THEN excluded.last_status ELSE last_status END;

    INSERT INTO epoch_validators (epoch, hotkey, consensus_hash)
    SELECT value ->> 0, unhex(value ->> 1), unhex(value ->> 2) FROM jsonb_each(NEW.validators) WHERE true
    ON CONFLICT (epoch, hotkey) DO UPDATE SET consensus_hash = excluded.consensus_hash
    WHERE excluded.consensus_hash IS NOT NULL AND consensus_hash IS NOT excluded.consensus_hash;

    INSERT INTO audit_of_reports (at, entries)
    SELECT NEW.audit ->> '$[#-1][0]', NEW.audit WHERE NEW.audit <> '[]';
END;
