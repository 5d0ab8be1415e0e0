-- The members of a subnet as last read from a chain, for a start while no node answers.
CREATE TABLE chain_members (
    genesis bytea NOT NULL CHECK (length(genesis) = 32),
    netuid integer NOT NULL,
    block bigint NOT NULL,
    members bytea NOT NULL,
    PRIMARY KEY (genesis, netuid)
);

-- A nonce is a moment, in nanoseconds since 1970: new rows go to the end of the index, old ones leave from its start.
CREATE TABLE used_nonces (
    nonce bigint NOT NULL,
    hotkey bytea NOT NULL CHECK (length(hotkey) = 32),
    PRIMARY KEY (nonce, hotkey)
);
