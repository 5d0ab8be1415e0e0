-- Times are microseconds since 1970. Hotkeys, hashes and signatures are raw bytes.

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
    starts_at INTEGER NOT NULL,
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
