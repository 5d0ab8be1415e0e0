-- How many requests each replica let pass in a stretch of time: limits hold across replicas, and over a restart.
CREATE TABLE passed_requests (
    stretch bigint NOT NULL,
    kind smallint NOT NULL,
    hotkey bytea NOT NULL CHECK (length(hotkey) = 32),
    replica bigint NOT NULL,
    passed bigint NOT NULL,
    PRIMARY KEY (stretch, kind, hotkey, replica)
);

-- What is written to see that it can be: one row.
CREATE TABLE write_probes (
    id smallint PRIMARY KEY,
    written_at timestamptz NOT NULL
);
