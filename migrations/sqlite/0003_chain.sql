-- The members of a subnet as last read from a chain, for a start while no node answers.
CREATE TABLE chain_members (
    genesis BLOB NOT NULL CHECK (length(genesis) = 32),
    netuid INTEGER NOT NULL,
    block INTEGER NOT NULL,
    members BLOB NOT NULL,
    PRIMARY KEY (genesis, netuid)
) STRICT;

-- A nonce is a moment, in nanoseconds since 1970: new rows go to the end of the tree, old ones leave from its start.
CREATE TABLE used_nonces (
    nonce INTEGER NOT NULL,
    hotkey BLOB NOT NULL CHECK (length(hotkey) = 32),
    PRIMARY KEY (nonce, hotkey)
) STRICT, WITHOUT ROWID;
