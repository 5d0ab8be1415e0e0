-- How many requests each replica let pass in a stretch of time: limits hold across replicas, and over a restart.
CREATE TABLE passed_requests (
    stretch INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    hotkey BLOB NOT NULL CHECK (length(hotkey) = 32),
    replica INTEGER NOT NULL,
    passed INTEGER NOT NULL,
    PRIMARY KEY (stretch, kind, hotkey, replica)
) STRICT, WITHOUT ROWID;

-- What is written to see that it can be: one row of the size of a small group of reports.
CREATE TABLE write_probes (
    id INTEGER PRIMARY KEY,
    ballast BLOB NOT NULL
) STRICT;
