-- Times are microseconds since 1970; epochs are known by their start, in seconds
-- since 1970. Hotkeys, hashes and signatures are raw bytes.

-- The time to remember comes first: it follows from the signed message, so the pair is as unique as the signature, new
-- rows go to the end of the tree, and old ones leave from its start.
CREATE TABLE used_signatures (
    remember_until INTEGER NOT NULL,
    signature BLOB NOT NULL CHECK (length(signature) = 64),
    PRIMARY KEY (remember_until, signature)
) STRICT, WITHOUT ROWID;

CREATE TABLE validators (
    hotkey BLOB NOT NULL PRIMARY KEY CHECK (length(hotkey) = 32),
    first_granted_at INTEGER NOT NULL,
    recent_grants TEXT NOT NULL DEFAULT '[]'
) STRICT, WITHOUT ROWID;

CREATE TABLE assignments (
    position INTEGER NOT NULL PRIMARY KEY,
    hotkey BLOB NOT NULL CHECK (length(hotkey) = 32),
    assignment_id TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('started', 'completed', 'failed', 'expired')),
    late INTEGER NOT NULL CHECK (late IN (0, 1)),
    epoch INTEGER NOT NULL,
    opened_in INTEGER NOT NULL,
    report TEXT NOT NULL,
    first_reported_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    revision INTEGER NOT NULL CHECK (revision > 0)
) STRICT;

-- A commit writes every page that it touches, so what is reported at the same time should be on the same pages. Ids begin
-- with a time in practice: with the hotkey first, each row of a commit would be on a page of its own.
CREATE UNIQUE INDEX assignments_key ON assignments (assignment_id, hotkey);
-- For the same reason a validator's assignments are found by stretches of 256 positions.
CREATE INDEX assignments_of_hotkey ON assignments (position >> 8, hotkey);
CREATE INDEX assignments_started ON assignments (first_reported_at) WHERE status = 'started';

-- How many assignments a validator opened while an epoch ran.
CREATE TABLE openings (
    opened_in INTEGER NOT NULL,
    hotkey BLOB NOT NULL CHECK (length(hotkey) = 32),
    opened INTEGER NOT NULL,
    PRIMARY KEY (opened_in, hotkey)
) STRICT, WITHOUT ROWID;

CREATE TABLE epoch_totals (
    epoch INTEGER NOT NULL PRIMARY KEY,
    started INTEGER NOT NULL DEFAULT 0,
    completed INTEGER NOT NULL DEFAULT 0,
    failed INTEGER NOT NULL DEFAULT 0,
    expired INTEGER NOT NULL DEFAULT 0,
    success_sum REAL NOT NULL DEFAULT 0,
    success_count INTEGER NOT NULL DEFAULT 0,
    last_at INTEGER,
    last_assignment_id TEXT,
    last_status TEXT
) STRICT;

CREATE TABLE epoch_validators (
    epoch INTEGER NOT NULL,
    hotkey BLOB NOT NULL CHECK (length(hotkey) = 32),
    consensus_hash BLOB CHECK (length(consensus_hash) = 32),
    PRIMARY KEY (epoch, hotkey)
) STRICT, WITHOUT ROWID;

-- What a group of reports changes is written by one statement: an insert of four JSON lists of rows into this view. Each
-- statement costs two changes of threads, which is what a group waits for. Values are asked for as JSONB, which
-- is not parsed again for each column. A row that was decided on another revision than the one that is there has no
-- revision to become: the statement then fails as a whole.
CREATE VIEW report_groups AS
SELECT NULL AS assignments, NULL AS openings, NULL AS totals, NULL AS validators WHERE false;

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
END;

CREATE TABLE pulls (
    netuid INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    hotkey BLOB NOT NULL CHECK (length(hotkey) = 32),
    sources TEXT NOT NULL,
    block_size INTEGER NOT NULL,
    first_at INTEGER NOT NULL,
    PRIMARY KEY (netuid, epoch, hotkey, sources, block_size)
) STRICT, WITHOUT ROWID;

CREATE TABLE epochs (
    netuid INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    epoch_seconds INTEGER NOT NULL,
    ends_at INTEGER NOT NULL,
    pool_sha256 BLOB NOT NULL CHECK (length(pool_sha256) = 32),
    pool_size INTEGER NOT NULL,
    zipcodes_per_epoch INTEGER NOT NULL,
    public_key BLOB NOT NULL CHECK (length(public_key) = 32),
    agreed_at INTEGER NOT NULL,
    signature BLOB CHECK (length(signature) = 96),
    PRIMARY KEY (netuid, epoch)
) STRICT, WITHOUT ROWID;

CREATE TABLE pools (
    sha256 BLOB NOT NULL PRIMARY KEY CHECK (length(sha256) = 32),
    entries TEXT NOT NULL
) STRICT, WITHOUT ROWID;
