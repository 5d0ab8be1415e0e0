-- Times are microseconds since 1970; epochs are known by their start, in seconds
-- since 1970. Hotkeys, hashes and signatures are raw bytes.

-- The time to remember comes first: it follows from the signed message, so the pair is as unique as the signature, new
-- rows go to the end of the index, and old ones leave from its start.
CREATE TABLE used_signatures (
    remember_until bigint NOT NULL,
    signature bytea NOT NULL CHECK (length(signature) = 64),
    PRIMARY KEY (remember_until, signature)
);

CREATE TABLE validators (
    hotkey bytea NOT NULL PRIMARY KEY CHECK (length(hotkey) = 32),
    first_granted_at bigint NOT NULL,
    recent_grants bigint[] NOT NULL DEFAULT '{}'
);

-- The report is text: jsonb holds no \u0000 and no order of fields.
CREATE TABLE assignments (
    hotkey bytea NOT NULL CHECK (length(hotkey) = 32),
    assignment_id text NOT NULL,
    status text NOT NULL CHECK (status IN ('started', 'completed', 'failed', 'expired')),
    late boolean NOT NULL,
    epoch bigint NOT NULL,
    opened_in bigint NOT NULL,
    report text NOT NULL,
    first_reported_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    position bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    revision bigint NOT NULL CHECK (revision > 0),
    PRIMARY KEY (hotkey, assignment_id)
) WITH (fillfactor = 90);

CREATE INDEX assignments_newest ON assignments (hotkey, position);
CREATE INDEX assignments_opened ON assignments (opened_in, hotkey);
CREATE INDEX assignments_started ON assignments (first_reported_at) WHERE status = 'started';

-- The totals of an epoch are the sums over its shards: a writer holds its row until its commit is on disk, and those
-- that write at the same time shall not wait for each other.
CREATE TABLE epoch_totals (
    epoch bigint NOT NULL,
    shard integer NOT NULL,
    started bigint NOT NULL DEFAULT 0,
    completed bigint NOT NULL DEFAULT 0,
    failed bigint NOT NULL DEFAULT 0,
    expired bigint NOT NULL DEFAULT 0,
    success_sum double precision NOT NULL DEFAULT 0,
    success_count bigint NOT NULL DEFAULT 0,
    last_at bigint,
    last_assignment_id text,
    last_status text,
    PRIMARY KEY (epoch, shard)
) WITH (fillfactor = 10);

CREATE TABLE epoch_validators (
    epoch bigint NOT NULL,
    hotkey bytea NOT NULL CHECK (length(hotkey) = 32),
    consensus_hash bytea CHECK (length(consensus_hash) = 32),
    PRIMARY KEY (epoch, hotkey)
);

CREATE TABLE pulls (
    netuid integer NOT NULL,
    epoch bigint NOT NULL,
    hotkey bytea NOT NULL CHECK (length(hotkey) = 32),
    sources text NOT NULL,
    block_size bigint NOT NULL,
    first_at bigint NOT NULL,
    PRIMARY KEY (netuid, epoch, hotkey, sources, block_size)
);

CREATE TABLE epochs (
    netuid integer NOT NULL,
    epoch bigint NOT NULL,
    epoch_seconds bigint NOT NULL,
    ends_at bigint NOT NULL,
    pool_sha256 bytea NOT NULL CHECK (length(pool_sha256) = 32),
    pool_size bigint NOT NULL,
    zipcodes_per_epoch bigint NOT NULL,
    public_key bytea NOT NULL CHECK (length(public_key) = 32),
    agreed_at bigint NOT NULL,
    signature bytea CHECK (length(signature) = 96),
    PRIMARY KEY (netuid, epoch)
);

CREATE TABLE pools (
    sha256 bytea NOT NULL PRIMARY KEY CHECK (length(sha256) = 32),
    entries text NOT NULL
);

-- A statement that writes what was decided on rows read before takes itself back when another replica was faster. The
-- code is that of a serialization failure: whoever sees it reads again and decides again.
CREATE FUNCTION require_all_written(written bigint, decided bigint) RETURNS bigint
LANGUAGE plpgsql AS $$
BEGIN
    IF written <> decided THEN
        RAISE EXCEPTION 'only % of % rows were as they had been read', written, decided
            USING ERRCODE = 'serialization_failure';
    END IF;
    RETURN written;
END
$$;
